/** An error of the JetStream API: an HTTP code, JetStream's own code, and a sentence. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly errCode: number;
  constructor(code: number, errCode: number, description: string) {
    super(description);
    this.code = code;
    this.errCode = errCode;
  }

  /** As it stands in an answer. */
  toJSON(): object {
    return { code: this.code, err_code: this.errCode, description: this.message };
  }
}
