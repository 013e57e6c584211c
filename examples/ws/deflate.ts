import { createServer, zlibCodec } from "belfry";
import { dial } from "belfry/dial";
import { ControlHandler, deflateOffer, messageFrames, readDeflateAnswer, readMessages } from "belfry/ws";

const server = createServer({
  deflate: { thresholdBytes: 256 },
  packet: (connection, packet) => connection.send(packet),
});
const { port } = await server.listen();

// The client offers, the server answers, and the codec is what they agreed on.
const { source, write, extensions } = await dial(`ws://localhost:${port}/`, { extensions: deflateOffer() });
const agreed = readDeflateAnswer(extensions);
const codec = agreed && zlibCodec(agreed, "client");
console.log(extensions);

const text = "a message that repeats itself, ".repeat(100);
for (const frame of messageFrames(text, { server: false, codec })) {
  console.log(`${text.length} bytes go as fewer than 100: ${frame.length < 100}`);
  await write(frame);
}
const control = new ControlHandler({ server: false, send: write });
for await (const message of readMessages(source, control, { codec })) {
  console.log("the echo has", message.bytes.length);
  await control.close();
}
await server.close();
