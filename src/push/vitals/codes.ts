import { disconnects, replyErrors, unsubscribes } from "../protocol.ts";

const closes = new Set<number>(Object.values(disconnects).map(({ code }) => code));
const ends = new Set<number>(Object.values(unsubscribes).map(({ code }) => code));

/**
 * Codes as labels. Applications and peers choose codes of their own, thousands if they like, and each would be a series
 * for ever: what neither RFC 6455 nor the protocol gives a meaning is "other".
 */
export const codeLabels = {
  close: (code: number): string => (closes.has(code) || (code >= 1000 && code <= 1015) ? `${code}` : "other"),
  unsubscribe: (code: number): string => (ends.has(code) ? `${code}` : "other"),
  error: (code: number): string => (Object.hasOwn(replyErrors, code) ? `${code}` : "other"),
} as const;
