import { acceptKey } from "./properties/accept-key.ts";
import { bounds } from "./properties/bounds.ts";
import { close } from "./properties/close.ts";
import { cookie } from "./properties/cookie.ts";
import { deflate } from "./properties/deflate.ts";
import { requestHead } from "./properties/head.ts";
import { headEnd } from "./properties/head-end.ts";
import { headNode } from "./properties/head-node.ts";
import { header } from "./properties/header.ts";
import { list } from "./properties/list.ts";
import { mask } from "./properties/mask.ts";
import { messages } from "./properties/messages.ts";
import { receive } from "./properties/receive.ts";
import { release } from "./properties/release.ts";
import { responseHead } from "./properties/response-head.ts";
import { stream } from "./properties/stream.ts";
import { upgrade } from "./properties/upgrade.ts";
import { utf8 } from "./properties/utf8.ts";
import { wsReceiver } from "./properties/ws-receiver.ts";
import type { Property } from "./property.ts";

/** All properties: a new one is a file of properties/ and a row here; a new parser is a row in properties/bounds.ts. */
export const properties: readonly Property[] = [
  header,
  mask,
  utf8,
  close,
  messages,
  stream,
  release,
  receive,
  wsReceiver,
  acceptKey,
  requestHead,
  headEnd,
  headNode,
  responseHead,
  list,
  cookie,
  upgrade,
  deflate,
  bounds,
];
