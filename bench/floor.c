// floor: the least that an echo can cost. One epoll loop that answers any upgrade request, and then, for each recv(),
// unmasks the frames in place and sends them back with one send(). It checks nothing, and takes what comes for right.
//
//   cc -O2 -Wall -Wextra -Werror -o floor bench/floor.c && ./floor --port 9003
//
// A port of 0, or none, is a free one. A frame that came in part waits in a copy; who does not read is closed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 20, BUFFER = 1 << 20, EVENTS = 512 };
static struct connection {
  unsigned char *rest; // what came of a frame that is not whole
  uint32_t length;
  uint32_t is_open;
} connections[DESCRIPTORS];
static unsigned char in[BUFFER];

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }
// One block of SHA-1 (RFC 3174).
static void sha1_block(uint32_t h[5], const unsigned char *p) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
    uint32_t t = rotate(a, 5) + f + e + k + w[i];
    e = d, d = c, c = rotate(b, 30), b = a, a = t;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}
// The 28 characters of Sec-WebSocket-Accept for a key of 24 (RFC 6455, 4.2.2): 60 bytes are hashed, in two blocks.
static void accept_key(char out[29], const char *key) {
  static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned char text[128] = {0}, digest[21] = {0};
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  memcpy(text, key, 24);
  memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
  text[60] = 0x80, text[126] = 60 * 8 >> 8, text[127] = (60 * 8) & 255;
  sha1_block(h, text), sha1_block(h, text + 64);
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
  for (int i = 0; i < 7; i++) {
    uint32_t three = (uint32_t)digest[3 * i] << 16 | digest[3 * i + 1] << 8 | digest[3 * i + 2];
    for (int j = 0; j < 4; j++) out[4 * i + j] = base64[three >> (18 - 6 * j) & 63];
  }
  out[27] = '=', out[28] = 0;
}
static void end(int fd) {
  free(connections[fd].rest);
  memset(&connections[fd], 0, sizeof connections[fd]);
  close(fd);
}
static void keep(int fd, const unsigned char *bytes, size_t length) {
  unsigned char *rest = malloc(length);
  if (!rest) return end(fd);
  memcpy(rest, bytes, length);
  connections[fd].rest = rest, connections[fd].length = (uint32_t)length;
}
// Answers the request if it is whole.
static void upgrade(int fd, size_t length) {
  char answer[160], key[29], *name;
  if (length < 4 || memcmp(in + length - 4, "\r\n\r\n", 4)) return keep(fd, in, length);
  in[length] = 0;
  if (!(name = strcasestr((char *)in, "\r\nsec-websocket-key:"))) return end(fd);
  name += 20 + strspn(name + 20, " ");
  if (strlen(name) < 24) return end(fd);
  accept_key(key, name);
  int size = snprintf(answer, sizeof answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n",
                      key);
  connections[fd].is_open = 1;
  if (send(fd, answer, (size_t)size, MSG_NOSIGNAL) != size) end(fd);
}
// Unmasks to where the bytes lie, or a little before.
static void unmask(unsigned char *to, const unsigned char *from, size_t length, const unsigned char *mask) {
  uint64_t key, word;
  size_t i = 0;
  memcpy(&key, mask, 4), memcpy((char *)&key + 4, mask, 4);
  for (; i + 8 <= length; i += 8) memcpy(&word, from + i, 8), word ^= key, memcpy(to + i, &word, 8);
  for (; i < length; i++) to[i] = from[i] ^ ((unsigned char *)&key)[i & 7];
}
// Frames without their masks are shorter by 4: they move together behind the first 4 bytes of the buffer.
static void echo(int fd, size_t length) {
  size_t at = 0, out = 4;
  while (length - at >= 2) {
    unsigned char mask[4], *frame = in + at;
    size_t head = (frame[1] & 127) < 126 ? 2 : (frame[1] & 127) == 126 ? 4 : 10, payload = frame[1] & 127;
    if (length - at < head + 4) break;
    if (head > 2) payload = 0;
    for (size_t i = 2; i < head; i++) payload = payload << 8 | frame[i];
    if (payload > BUFFER / 2 || (frame[0] & 15) == 8) return end(fd);
    if (length - at < head + 4 + payload) break;
    if ((frame[0] & 15) == 9) frame[0] = 0x8a; // a ping
    frame[1] &= 127;
    memcpy(mask, frame + head, 4);
    memmove(in + out, frame, head);
    unmask(in + out + head, frame + head + 4, payload, mask);
    out += head + payload, at += head + 4 + payload;
  }
  if (out > 4 && send(fd, in + 4, out - 4, MSG_NOSIGNAL) != (ssize_t)(out - 4)) return end(fd);
  if (at < length) keep(fd, in + at, length - at);
}
static void readable(int fd) {
  struct connection *c = &connections[fd];
  size_t before = c->length;
  if (before) {
    memcpy(in, c->rest, before);
    free(c->rest);
    c->rest = NULL, c->length = 0;
  }
  ssize_t got = recv(fd, in + before, sizeof in - before - 1, 0);
  if (got <= 0) return end(fd);
  if (c->is_open) echo(fd, before + (size_t)got);
  else upgrade(fd, before + (size_t)got);
}
static void accept_all(int queue, int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e);
  }
}
int main(int argc, char **argv) {
  int port = argc > 2 ? atoi(argv[2]) : 0, one = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), queue = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t size = sizeof address;
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS];
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  signal(SIGUSR2, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return perror("floor"), 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  epoll_ctl(queue, EPOLL_CTL_ADD, listener, &e);
  printf("floor: listening on 127.0.0.1 port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(queue, ready, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == listener) accept_all(queue, listener);
      else readable(ready[i].data.fd);
    }
  }
}
