import { isPattern, isSubject, matches } from "../../bus/subjects.ts";

/** Whether subjects can be mapped so: what stands before a final `>` is replaced, or all become one subject. */
export function isMapping(src: string, dest: string): boolean {
  if (!isPattern(src) || !isPattern(dest)) return false;
  if (!dest.endsWith(">")) return isSubject(dest);
  return src.endsWith(">") && !src.slice(0, -1).includes("*") && !dest.slice(0, -1).includes("*");
}

/** The subject that a message of `subject` is republished to; undefined when it is not. */
export function republished(subject: string, src: string, dest: string): string | undefined {
  if (!matches(src, subject)) return undefined;
  return dest.endsWith(">") ? dest.slice(0, -1) + subject.slice(src.length - 1) : dest;
}
