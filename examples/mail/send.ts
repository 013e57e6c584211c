import { createTransport } from "nodemailer";
import { readConfig } from "./config.ts";
import { reasonOf } from "./log.ts";

const usage = `usage: npm run mail -- RECIPIENT SUBJECT [TEXT]
  npm run mail -- demo@localhost "Hello" "It works."
SMTP_PORT and HOST say where the server takes mail (2525 on 127.0.0.1).`;

const [to, subject, text = "It works.", ...rest] = process.argv.slice(2);
if (!to || subject === undefined || rest.length > 0) {
  console.error(usage);
  process.exit(2);
}
try {
  const { host, smtpPort } = readConfig(process.env);
  const transport = createTransport({ host, port: smtpPort, secure: false });
  const sent = await transport.sendMail({ from: "you@example.com", to, subject, text });
  console.log(`Sent to ${sent.accepted.join(", ")}: ${sent.response}`);
} catch (error) {
  console.error(`The mail was not sent: ${reasonOf(error)}`);
  process.exit(1);
}
