import { execFileSync } from "node:child_process";

const key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout -";
const name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";

/** A private key and a certificate of localhost for one day, both in PEM. */
export const pem: string = String(
  execFileSync("openssl", `req -x509 -days 1 ${key} ${name}`.split(" "), { stdio: "pipe" }),
);
