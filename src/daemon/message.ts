/** A message on its way, as offsets into `bytes`; valid until its handler returns. */
export interface Message {
  readonly bytes: Buffer;
  readonly subjectFrom: number;
  readonly subjectTo: number;
  readonly replyFrom: number;
  readonly replyTo: number;
  readonly headerBytes: number;
  readonly payloadFrom: number;
  readonly payloadTo: number;
}
