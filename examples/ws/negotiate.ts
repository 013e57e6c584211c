import {
  acceptDeflate,
  ascii,
  deflateDefaults,
  deflateOffer,
  RequestHead,
  readDeflateAnswer,
  readHead,
} from "belfry/ws";

// A client that has little memory to spare for what it reads.
const wishes = { ...deflateDefaults, serverMaxWindowBits: 10 };
const offer = deflateOffer(wishes);
console.log(offer);

// A server that would keep its windows between messages; it chooses among the client's offers.
const request = new TextEncoder().encode(`GET / HTTP/1.1\r\nSec-WebSocket-Extensions: ${offer}\r\n\r\n`);
const head = new RequestHead();
readHead(request, 0, request.length, head);
const answer = acceptDeflate(head, { ...deflateDefaults, serverNoContextTakeover: false });
const line = answer ? ascii(answer.headerLine, 0, answer.headerLine.length).trimEnd() : "";
console.log(line);

// The client again: what the answer means to it.
const agreed = readDeflateAnswer(line.slice(line.indexOf(" ") + 1), wishes);
console.log("the server's window has", 2 ** (agreed?.serverMaxWindowBits ?? 0), "bytes");
