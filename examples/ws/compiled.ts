import { closeCodes, compileClose, compileText, messageFrames, preparedFrames } from "belfry/ws";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// Made once, written to as many sockets as you like.
console.log(hex(compileText("hello")));
console.log(hex(compileClose(closeCodes.TRY_AGAIN_LATER, "at noon")));

// Made already, when the module was loaded.
console.log(hex(preparedFrames.ping), hex(preparedFrames.closeGoingAway));

// In fragments, each made when it is asked for; a ping may go in between.
for (const frame of messageFrames("fragments", { server: true, fragmentBytesMax: 4 })) console.log(hex(frame));
