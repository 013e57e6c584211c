import { ascii, cookie, known, ListCursor, RequestHead, readHead } from "belfry/ws";

const request = new TextEncoder().encode(
  "GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nCookie: theme=dark; session=c0ffee\r\n" +
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10, x-trace\r\n\r\n",
);

// Nothing is copied: the head is offsets into the bytes, and one object serves for all heads.
const head = new RequestHead();
const size = readHead(request, 0, request.length, head); // 0 would say that it is not whole
console.log(size === request.length, ascii(request, head.targetFrom, head.targetTo));

const cookies = head.find("cookie");
console.log(cookie(request, head.valueFrom(cookies), head.valueTo(cookies), "session"));

const extensions = head.known[known.EXTENSIONS] as number;
const list = new ListCursor();
list.start(request, head.valueFrom(extensions), head.valueTo(extensions));
while (list.next()) {
  console.log(ascii(request, list.itemFrom, list.itemTo));
  while (list.nextParameter()) {
    console.log(" ", ascii(request, list.nameFrom, list.nameTo), ascii(request, list.valueFrom, list.valueTo));
  }
}
