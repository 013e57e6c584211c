// netpoll: readiness and bytes for very many descriptors, in batches, for one Node.js event loop.
//
// It knows descriptors and bytes, nothing of WebSocket, and keeps no state for a descriptor: what kind a descriptor is
// travels in the kernel's own event. Its epoll (kqueue) descriptor is watched by a uv_poll_t, so timers, promises and
// every library go on working beside it. Results are counts or -errno; the arrays belong to the caller.
//
// The verbs are documented in src/netpoll/binding.ts, which is also the only file that loads this addon.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>
#ifdef __linux__
#include <linux/filter.h>
#include <sys/epoll.h>
#else
#include <sys/event.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 // Node ignores SIGPIPE
#endif

// What a descriptor is to its poll; 32 bits beside the descriptor in the kernel's event.
enum kind { STREAM, LISTENER, CONNECTING, WATCHED };
// What a record says. The same numbers stand in binding.ts.
enum event { ACCEPTED = 1, DATA, END, WRITABLE, CONNECTED, RESTED, READY };
enum interest { READ = 1, WRITE = 2, ONCE = 4 };
enum listen_flag { REUSE_PORT = 1, V6_ONLY = 2 };
enum {
  RECORD = 4,           // int32 for each record: descriptor, event, value, offset
  ENTRY = 3,            // int32 for each entry of a flush: descriptor, offset, length
  EVENTS_MAX = 32,      // kernel events for each wait: few enough that what is received is still in the cache when its
                        // answer is sent
  EVENT_RECORDS = 2,    // records that one of them needs at most, accepts apart
  ACCEPTS_MAX = 256,    // connections accepted from one listener for each wait; verb_accepts bounds them for all
  RECEIVE_MAX = 65536,  // bytes received from one descriptor for each wait: a fast sender is not favoured
  RECEIVE_MIN = 4096,   // with less room left in the slab nothing is received: the kernel reports it again
};

struct poll {
  uv_poll_t handle;
  napi_env env;
  int queue; // epoll or kqueue descriptor, -1 once closed
  int owners; // libuv and the JavaScript object: whoever lets go last frees it
  bool watching;
  int32_t accepts_max; // connections accepted for each wait, from all listeners
  uint8_t *slab;
  size_t slab_size;
  int32_t *records;
  int32_t records_max;
  napi_ref slab_ref, records_ref, ready_ref, receiver_ref;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
};

// ---- The kernel's event queue -------------------------------------------------------------------------------------

#ifdef __linux__
typedef struct epoll_event kernel_event;
static int event_fd(const kernel_event *e) { return (int)(uint32_t)e->data.u64; }
static enum kind event_kind(const kernel_event *e) { return (enum kind)(e->data.u64 >> 32); }
static bool event_readable(const kernel_event *e) { return (e->events & EPOLLIN) != 0; }
static bool event_writable(const kernel_event *e) { return (e->events & EPOLLOUT) != 0; }
static bool event_broken(const kernel_event *e) { return (e->events & (EPOLLERR | EPOLLHUP)) != 0; }
static int queue_open(void) { return epoll_create1(EPOLL_CLOEXEC); }
static int queue_set(int queue, int fd, enum kind kind, int interest, bool add) {
  struct epoll_event e = {.events = 0, .data.u64 = (uint32_t)fd | (uint64_t)kind << 32};
  if (interest & READ) e.events |= EPOLLIN;
  if (interest & WRITE) e.events |= EPOLLOUT;
  if (interest & ONCE) e.events |= EPOLLONESHOT;
  return epoll_ctl(queue, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) ? -errno : 0;
}
static int queue_remove(int queue, int fd) {
  struct epoll_event e = {0};
  return epoll_ctl(queue, EPOLL_CTL_DEL, fd, &e) ? -errno : 0;
}
static int queue_take(int queue, kernel_event *events, int max) {
  int n = epoll_wait(queue, events, max, 0);
  return n < 0 ? -errno : n;
}
#else
typedef struct kevent kernel_event;
static int event_fd(const kernel_event *e) { return (int)e->ident; }
static enum kind event_kind(const kernel_event *e) { return (enum kind)(uintptr_t)e->udata; }
static bool event_readable(const kernel_event *e) { return e->filter == EVFILT_READ; }
static bool event_writable(const kernel_event *e) { return e->filter == EVFILT_WRITE; }
static bool event_broken(const kernel_event *e) { return (e->flags & EV_ERROR) != 0; }
static int queue_open(void) {
  int q = kqueue();
  if (q >= 0) fcntl(q, F_SETFD, FD_CLOEXEC);
  return q;
}
static int queue_set(int queue, int fd, enum kind kind, int interest, bool add) {
  (void)add;
  int once = interest & ONCE ? EV_DISPATCH : 0;
  struct kevent e[2];
  void *data = (void *)(uintptr_t)kind;
  EV_SET(&e[0], fd, EVFILT_READ, EV_ADD | once | (interest & READ ? EV_ENABLE : EV_DISABLE), 0, 0, data);
  EV_SET(&e[1], fd, EVFILT_WRITE, EV_ADD | once | (interest & WRITE ? EV_ENABLE : EV_DISABLE), 0, 0, data);
  return kevent(queue, e, kind == LISTENER ? 1 : 2, NULL, 0, NULL) < 0 ? -errno : 0;
}
static int queue_remove(int queue, int fd) {
  struct kevent e[2];
  EV_SET(&e[0], fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
  EV_SET(&e[1], fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
  int first = kevent(queue, &e[0], 1, NULL, 0, NULL), second = kevent(queue, &e[1], 1, NULL, 0, NULL);
  return first < 0 && second < 0 ? -errno : 0;
}
static int queue_take(int queue, kernel_event *events, int max) {
  struct timespec now = {0, 0};
  int n = kevent(queue, NULL, 0, events, max, &now);
  return n < 0 ? -errno : n;
}
#endif

static int set_flags(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) return -errno;
  return 0;
}
static int open_socket(int family) {
#ifdef __linux__
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
#else
  int fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) return -errno;
  set_flags(fd);
  return fd;
#endif
}
static int accept_socket(int listener) {
#ifdef __linux__
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  int fd = accept(listener, NULL, NULL);
  if (fd >= 0) set_flags(fd);
  return fd;
#endif
}
static int fail_closed(int fd, int error) {
  close(fd);
  return error;
}

// ---- Addresses ----------------------------------------------------------------------------------------------------

// Reads a numeric IPv4 or IPv6 address, or a path (it holds a '/'). Returns the size of the address, 0 when text or
// port is none.
static socklen_t parse_address(const char *text, int port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  struct sockaddr_un *un = (struct sockaddr_un *)out;
  if (strchr(text, '/')) {
    size_t n = strlen(text);
    if (n >= sizeof un->sun_path) return 0;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, text, n + 1);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
  }
  if (port < 0 || port > 65535) return 0;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return sizeof *v6;
  }
  return 0;
}
// Writes "address port" ("/path 0" for a Unix socket; an unnamed one has the empty path).
static int format_address(const struct sockaddr_storage *a, socklen_t size, char *out, size_t room) {
  char text[INET6_ADDRSTRLEN] = "";
  if (a->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return snprintf(out, room, "%s %d", text, ntohs(v4->sin_port));
  }
  if (a->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof text);
    else inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return snprintf(out, room, "%s %d", text, ntohs(v6->sin6_port));
  }
  const struct sockaddr_un *un = (const struct sockaddr_un *)a;
  bool named = size > offsetof(struct sockaddr_un, sun_path);
  return snprintf(out, room, "%.*s 0", named ? (int)sizeof un->sun_path : 0, un->sun_path);
}

// ---- wait: accept and receive -------------------------------------------------------------------------------------

static void record(struct poll *p, int32_t *n, int fd, enum event event, int32_t value, size_t offset) {
  int32_t *r = p->records + *n * RECORD;
  r[0] = fd;
  r[1] = event;
  r[2] = value;
  r[3] = (int32_t)offset;
  ++*n;
}
// Fills records up to `limit`, and leaves the others to the events that were taken from the kernel already.
static void accept_batch(struct poll *p, int32_t *n, int32_t limit, int32_t *accepts, int listener) {
  for (int i = 0; i < ACCEPTS_MAX && *n < limit && *accepts > 0; i++) {
    int fd = accept_socket(listener);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)) continue;
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    int error = fd < 0 ? -errno : queue_set(p->queue, fd, STREAM, READ, true);
    if (error) {
      // Out of descriptors, watches or memory: the listener rests, or the same error would come back for ever.
      if (fd >= 0) close(fd);
      queue_set(p->queue, listener, LISTENER, 0, false);
      record(p, n, listener, RESTED, error, 0);
      return;
    }
    record(p, n, fd, ACCEPTED, listener, 0);
    --*accepts;
  }
}
static int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)) return -errno;
  return -error;
}
static void receive(struct poll *p, int32_t *n, int fd, size_t *used) {
  size_t room = p->slab_size - *used;
  if (room < RECEIVE_MIN && (*used || !room)) return;
  ssize_t got = recv(fd, p->slab + *used, room < RECEIVE_MAX ? room : RECEIVE_MAX, 0);
  if (got > 0) {
    record(p, n, fd, DATA, (int32_t)got, *used);
    *used += ((size_t)got + 7) & ~(size_t)7;
    if (*used > p->slab_size) *used = p->slab_size;
  } else if (got == 0) {
    record(p, n, fd, END, 0, 0);
  } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    record(p, n, fd, END, -errno, 0);
  }
}
static void take_stream(struct poll *p, int32_t *n, const kernel_event *e, size_t *used) {
  int fd = event_fd(e);
  if (event_writable(e)) record(p, n, fd, WRITABLE, 0, 0);
  if (event_readable(e)) receive(p, n, fd, used);
  else if (event_broken(e)) { // reading is off, and the peer is gone: nothing more can be sent either
    int error = socket_error(fd);
    record(p, n, fd, END, error ? error : -EPIPE, 0);
  }
}
static int32_t wait_batch(struct poll *p) {
  kernel_event events[EVENTS_MAX];
  int32_t n = 0, accepts = p->accepts_max;
  size_t used = 0;
  int32_t fits = p->records_max / EVENT_RECORDS;
  int count = queue_take(p->queue, events, fits < EVENTS_MAX ? fits : EVENTS_MAX);
  if (count < 0) return count == -EINTR ? 0 : count;
  for (int i = 0; i < count; i++) {
    const kernel_event *e = &events[i];
    switch (event_kind(e)) {
      case LISTENER:
        accept_batch(p, &n, p->records_max - (count - i - 1) * EVENT_RECORDS, &accepts, event_fd(e));
        break;
      case STREAM: take_stream(p, &n, e, &used); break;
      case CONNECTING: {
        int error = socket_error(event_fd(e));
        queue_set(p->queue, event_fd(e), STREAM, error ? 0 : READ, false);
        record(p, &n, event_fd(e), CONNECTED, error, 0);
        break;
      }
      case WATCHED: {
        int bits = (event_readable(e) || event_broken(e) ? READ : 0) | (event_writable(e) ? WRITE : 0);
        record(p, &n, event_fd(e), READY, bits, 0);
        break;
      }
    }
  }
  return n;
}

// ---- Node-API -----------------------------------------------------------------------------------------------------

#define ARGS_MAX 6
struct call {
  napi_env env;
  napi_value args[ARGS_MAX];
  bool bad;
};
static struct call begin(napi_env env, napi_callback_info info) {
  struct call c = {.env = env, .bad = false};
  size_t argc = ARGS_MAX;
  napi_get_cb_info(env, info, &argc, c.args, NULL, NULL);
  return c;
}
static int32_t arg_int(struct call *c, int i) {
  int32_t value = 0;
  if (napi_get_value_int32(c->env, c->args[i], &value) != napi_ok) c->bad = true;
  return value;
}
static bool arg_text(struct call *c, int i, char *out, size_t room) {
  size_t n = 0;
  if (napi_get_value_string_utf8(c->env, c->args[i], out, room, &n) != napi_ok) c->bad = true;
  return !c->bad && n + 1 < room && strlen(out) == n;
}
static void *arg_array(struct call *c, int i, napi_typedarray_type want, size_t *length) {
  napi_typedarray_type type = napi_int8_array;
  void *data = NULL;
  *length = 0;
  if (napi_get_typedarray_info(c->env, c->args[i], &type, length, &data, NULL, NULL) != napi_ok || type != want) {
    c->bad = true;
    *length = 0;
  }
  return data;
}
static struct poll *arg_poll(struct call *c, int i) {
  void *p = NULL;
  if (napi_get_value_external(c->env, c->args[i], &p) != napi_ok) c->bad = true;
  else if (((struct poll *)p)->queue < 0) p = NULL;
  return p;
}
static napi_value give_int(struct call *c, int32_t value) {
  napi_value result = NULL;
  if (c->bad) napi_throw_type_error(c->env, "ERR_INVALID_ARG_TYPE", "netpoll: an argument is of the wrong type");
  else napi_create_int32(c->env, value, &result);
  return result;
}

static void on_ready(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  struct poll *p = handle->data;
  napi_handle_scope scope;
  napi_value receiver, ready, result;
  if (napi_open_handle_scope(p->env, &scope) != napi_ok) return;
  napi_get_reference_value(p->env, p->receiver_ref, &receiver);
  napi_get_reference_value(p->env, p->ready_ref, &ready);
  if (napi_make_callback(p->env, p->context, receiver, ready, 0, NULL, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(p->env, &error) == napi_ok) napi_fatal_exception(p->env, error);
  }
  napi_close_handle_scope(p->env, scope);
}
static void let_go(struct poll *p) {
  if (--p->owners == 0) free(p);
}
static void on_closed(uv_handle_t *handle) {
  struct poll *p = handle->data;
  if (p->cleanup) napi_remove_async_cleanup_hook(p->cleanup);
  let_go(p);
}
static void destroy(struct poll *p) {
  if (p->queue < 0) return;
  uv_poll_stop(&p->handle);
  close(p->queue);
  p->queue = -1;
  napi_delete_reference(p->env, p->slab_ref);
  napi_delete_reference(p->env, p->records_ref);
  napi_delete_reference(p->env, p->ready_ref);
  napi_delete_reference(p->env, p->receiver_ref);
  napi_async_destroy(p->env, p->context);
  uv_close((uv_handle_t *)&p->handle, on_closed);
}
static void on_exit_of_env(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  struct poll *p = data;
  if (p->queue >= 0) destroy(p); // otherwise on_closed is on its way, and removes the hook
}
static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  destroy(data);
  let_go(data);
}

static napi_value verb_open(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  size_t slab_size, records_size;
  uint8_t *slab = arg_array(&c, 0, napi_uint8_array, &slab_size);
  int32_t *records = arg_array(&c, 1, napi_int32_array, &records_size);
  int32_t input_size = arg_int(&c, 2);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, c.args[3], &type);
  if (type != napi_function) c.bad = true;
  if (c.bad || input_size < 0 || (size_t)input_size > slab_size) return give_int(&c, -EFAULT);
  if (records_size < RECORD * EVENT_RECORDS || records_size > INT32_MAX) return give_int(&c, -EINVAL);
  struct poll *p = calloc(1, sizeof *p);
  uv_loop_t *loop = NULL;
  if (!p) return give_int(&c, -ENOMEM);
  p->env = env, p->owners = 2, p->handle.data = p;
  p->slab = slab, p->slab_size = (size_t)input_size;
  p->records = records, p->records_max = (int32_t)(records_size / RECORD);
  p->accepts_max = INT32_MAX;
  p->queue = queue_open();
  if (p->queue < 0) {
    int error = -errno;
    free(p);
    return give_int(&c, error);
  }
  napi_get_uv_event_loop(env, &loop);
  int error = uv_poll_init(loop, &p->handle, p->queue);
  if (error) {
    close(p->queue);
    free(p);
    return give_int(&c, error);
  }
  napi_value result, receiver, name;
  napi_create_object(env, &receiver);
  napi_create_string_utf8(env, "netpoll", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, receiver, name, &p->context);
  napi_create_reference(env, receiver, 1, &p->receiver_ref);
  napi_create_reference(env, c.args[0], 1, &p->slab_ref);
  napi_create_reference(env, c.args[1], 1, &p->records_ref);
  napi_create_reference(env, c.args[3], 1, &p->ready_ref);
  napi_add_async_cleanup_hook(env, on_exit_of_env, p, &p->cleanup);
  napi_create_external(env, p, on_collected, NULL, &result);
  return result;
}
static napi_value verb_destroy(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  if (p && !c.bad) destroy(p);
  return give_int(&c, 0);
}
static napi_value verb_watching(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  bool on = arg_int(&c, 1) != 0;
  if (!p || c.bad) return give_int(&c, -EBADF);
  if (on != p->watching) {
    if (on) uv_poll_start(&p->handle, UV_READABLE, on_ready);
    else uv_poll_stop(&p->handle);
    p->watching = on;
  }
  return give_int(&c, 0);
}
static napi_value verb_wait(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  return give_int(&c, p && !c.bad ? wait_batch(p) : -EBADF);
}

// A listener that somebody else has made, and that this process was started with.
static int listen_inherited(struct poll *p, int fd) {
  int listens = 0, one = 1;
  socklen_t size = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size)) return -errno;
  if (!listens) return -EINVAL;
  int error = set_flags(fd);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // a Unix socket has none, and needs none
  if (!error) error = queue_set(p->queue, fd, LISTENER, READ, true);
  return error ? error : fd;
}
static int listen_on(struct poll *p, const char *address, int port, int backlog, int flags) {
  if (!strncmp(address, "fd:", 3)) return listen_inherited(p, atoi(address + 3));
  struct sockaddr_storage a;
  socklen_t size = parse_address(address, port, &a);
  if (!size) return -EINVAL;
  int fd = open_socket(a.ss_family), one = 1, v6_only = (flags & V6_ONLY) != 0;
  if (fd < 0) return fd;
  if (a.ss_family != AF_UNIX) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    // Accepted sockets inherit it: one system call less for each.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if ((flags & REUSE_PORT) && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one)) {
      return fail_closed(fd, -errno);
    }
  }
  if (a.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (bind(fd, (struct sockaddr *)&a, size) || listen(fd, backlog)) return fail_closed(fd, -errno);
  int error = queue_set(p->queue, fd, LISTENER, READ, true);
  return error ? fail_closed(fd, error) : fd;
}
// Sockets that are accepted inherit all of it from their listener.
static int keep_alive(int fd, int seconds) {
  int one = 1, probes = 3, between = (seconds + probes - 1) / probes;
  if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one)) return -errno;
#ifdef TCP_KEEPIDLE
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds)) return -errno;
#else
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &seconds, sizeof seconds)) return -errno; // macOS
#endif
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between)) return -errno;
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes)) return -errno;
#ifdef TCP_USER_TIMEOUT
  // While sent bytes are not acknowledged there are no probes.
  unsigned ms = 2000u * (unsigned)seconds;
  if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms)) return -errno;
#endif
  return 0;
}
static napi_value verb_keep_alive(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  int fd = arg_int(&c, 0), seconds = arg_int(&c, 1);
  return give_int(&c, c.bad || seconds < 1 || seconds > 32767 ? -EINVAL : keep_alive(fd, seconds));
}

static napi_value verb_listen(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  char address[256];
  bool fits = arg_text(&c, 1, address, sizeof address);
  int port = arg_int(&c, 2), backlog = arg_int(&c, 3), flags = arg_int(&c, 4);
  return give_int(&c, !p ? -EBADF : c.bad || !fits ? -EINVAL : listen_on(p, address, port, backlog, flags));
}

// Drops what begins a connection (a SYN), and lets through what ends its handshake. Whoever was dropped asks again after
// a second, and finds who listens then.
static int deafen(int listener) {
#ifdef __linux__
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), // the flags of the TCP header
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ? -errno : 0;
#else
  (void)listener;
  return -ENOTSUP;
#endif
}
static napi_value verb_deafen(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  int fd = arg_int(&c, 0);
  return give_int(&c, c.bad ? 0 : deafen(fd));
}

static int connect_to(struct poll *p, const char *address, int port, const char *source) {
  struct sockaddr_storage to, from;
  socklen_t to_size = parse_address(address, port, &to), from_size = source[0] ? parse_address(source, 0, &from) : 0;
  if (!to_size || (source[0] && !from_size)) return -EINVAL;
  int fd = open_socket(to.ss_family), one = 1;
  if (fd < 0) return fd;
  if (to.ss_family != AF_UNIX) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (from_size) {
#ifdef IP_BIND_ADDRESS_NO_PORT
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
#endif
    if (bind(fd, (struct sockaddr *)&from, from_size)) return fail_closed(fd, -errno);
  }
  if (connect(fd, (struct sockaddr *)&to, to_size) && errno != EINPROGRESS) return fail_closed(fd, -errno);
  int error = queue_set(p->queue, fd, CONNECTING, WRITE, true);
  return error ? fail_closed(fd, error) : fd;
}
static napi_value verb_connect(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  char address[256], source[256];
  bool fits = arg_text(&c, 1, address, sizeof address);
  int port = arg_int(&c, 2);
  fits = arg_text(&c, 3, source, sizeof source) && fits;
  return give_int(&c, !p ? -EBADF : c.bad || !fits ? -EINVAL : connect_to(p, address, port, source));
}

static napi_value verb_arm(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1), interest = arg_int(&c, 2);
  return give_int(&c, p && !c.bad ? queue_set(p->queue, fd, STREAM, interest & ~ONCE, false) : -EBADF);
}
static napi_value verb_accepts(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int32_t max = arg_int(&c, 1);
  if (!p || c.bad || max < 0) return give_int(&c, p ? -EINVAL : -EBADF);
  p->accepts_max = max;
  return give_int(&c, 0);
}
static int resume(struct poll *p, int listener) {
  int error = queue_set(p->queue, listener, LISTENER, READ, false);
  return error == -ENOENT ? queue_set(p->queue, listener, LISTENER, READ, true) : error; // another poll's until now
}
static napi_value verb_resume(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1);
  return give_int(&c, p && !c.bad ? resume(p, fd) : -EBADF);
}
static napi_value verb_rest(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1);
  return give_int(&c, p && !c.bad ? queue_set(p->queue, fd, LISTENER, 0, false) : -EBADF);
}
static napi_value verb_watch(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1), interest = arg_int(&c, 2), again = arg_int(&c, 3);
  return give_int(&c, p && !c.bad ? queue_set(p->queue, fd, WATCHED, interest, !again) : -EBADF);
}
static napi_value verb_release(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1);
  return give_int(&c, p && !c.bad ? queue_remove(p->queue, fd) : -EBADF);
}
static int adopt_copy(struct poll *p, int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), one = 1;
  if (copy < 0) return -errno;
  int error = set_flags(copy);
  setsockopt(copy, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // a Unix socket has none, and needs none
  if (!error) error = queue_set(p->queue, copy, STREAM, READ, true);
  return error ? fail_closed(copy, error) : copy;
}
static napi_value verb_adopt(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  struct poll *p = arg_poll(&c, 0);
  int fd = arg_int(&c, 1);
  return give_int(&c, p && !c.bad ? adopt_copy(p, fd) : -EBADF);
}

static ssize_t send_some(int fd, const uint8_t *bytes, size_t length) {
  for (;;) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0 || errno != EINTR) return sent < 0 ? -errno : sent;
  }
}
static bool within(size_t size, int32_t offset, int32_t length) {
  return offset >= 0 && length >= 0 && (size_t)offset + (size_t)length <= size;
}
static napi_value verb_flush(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  size_t slab_size, list_size;
  uint8_t *slab = arg_array(&c, 0, napi_uint8_array, &slab_size);
  int32_t *list = arg_array(&c, 1, napi_int32_array, &list_size);
  int32_t count = arg_int(&c, 2), left = 0, marked = 0;
  if (c.bad || !within(list_size / ENTRY, 0, count)) return give_int(&c, -EFAULT);
  for (int32_t i = 0; i < count; i++) {
    int32_t *e = list + (size_t)i * ENTRY;
    if (e[0] < 0 && marked > 0) { // an earlier entry of this descriptor is not through yet: order is kept
      e[0] = ~e[0];
      marked--;
      left++;
      continue;
    }
    ssize_t sent = within(slab_size, e[1], e[2]) ? send_some(e[0], slab + e[1], (size_t)e[2]) : -EFAULT;
    if (sent >= 0 && sent == e[2]) {
      e[2] = 0;
      continue;
    }
    left++;
    for (int32_t *later = e + ENTRY; later < list + (size_t)count * ENTRY; later += ENTRY) {
      if (later[0] == e[0] && e[0] >= 0) later[0] = ~e[0], marked++;
    }
    if (sent == -EAGAIN || sent == -EWOULDBLOCK) continue;
    if (sent < 0) e[2] = (int32_t)sent;
    else e[1] += (int32_t)sent, e[2] -= (int32_t)sent;
  }
  return give_int(&c, left);
}
static napi_value verb_multicast(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  size_t size, fds_size, results_size;
  uint8_t *bytes = arg_array(&c, 0, napi_uint8_array, &size);
  int32_t length = arg_int(&c, 1);
  int32_t *fds = arg_array(&c, 2, napi_int32_array, &fds_size);
  int32_t count = arg_int(&c, 3), left = 0;
  int32_t *results = arg_array(&c, 4, napi_int32_array, &results_size);
  if (c.bad || !within(size, 0, length) || !within(fds_size, 0, count) || !within(results_size, 0, count)) {
    return give_int(&c, -EFAULT);
  }
  for (int32_t i = 0; i < count; i++) {
    ssize_t sent = send_some(fds[i], bytes, (size_t)length);
    results[i] = (int32_t)sent;
    if (sent != length) left++;
  }
  return give_int(&c, left);
}
static napi_value verb_send(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  size_t size;
  int fd = arg_int(&c, 0);
  uint8_t *bytes = arg_array(&c, 1, napi_uint8_array, &size);
  int32_t offset = arg_int(&c, 2), length = arg_int(&c, 3);
  if (c.bad || !within(size, offset, length)) return give_int(&c, -EFAULT);
  return give_int(&c, (int32_t)send_some(fd, bytes + offset, (size_t)length));
}
static napi_value verb_receive(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  size_t size;
  int fd = arg_int(&c, 0);
  uint8_t *bytes = arg_array(&c, 1, napi_uint8_array, &size);
  if (c.bad) return give_int(&c, 0);
  ssize_t got = read(fd, bytes, size < INT32_MAX ? size : INT32_MAX);
  return give_int(&c, got < 0 ? -errno : (int32_t)got);
}
static napi_value verb_shutdown(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  int fd = arg_int(&c, 0);
  return give_int(&c, c.bad || shutdown(fd, SHUT_WR) == 0 ? 0 : -errno);
}
static napi_value verb_close(napi_env env, napi_callback_info info) {
  struct call c = begin(env, info);
  int fd = arg_int(&c, 0);
  return give_int(&c, c.bad || close(fd) == 0 ? 0 : -errno);
}
static napi_value give_name(napi_env env, napi_callback_info info, bool of_peer) {
  struct call c = begin(env, info);
  struct sockaddr_storage a = {0};
  struct sockaddr *address = (struct sockaddr *)&a;
  socklen_t size = sizeof a;
  int fd = arg_int(&c, 0);
  if (c.bad) return give_int(&c, 0);
  if (of_peer ? getpeername(fd, address, &size) : getsockname(fd, address, &size)) return give_int(&c, -errno);
  char text[160];
  napi_value result = NULL;
  int n = format_address(&a, size, text, sizeof text);
  napi_create_string_utf8(env, text, (size_t)n, &result);
  return result;
}
static napi_value verb_peer(napi_env env, napi_callback_info info) { return give_name(env, info, true); }
static napi_value verb_local(napi_env env, napi_callback_info info) { return give_name(env, info, false); }

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback verb;
  } verbs[] = {
      {"open", verb_open},       {"destroy", verb_destroy},     {"watching", verb_watching}, {"wait", verb_wait},
      {"listen", verb_listen},   {"deafen", verb_deafen},         {"rest", verb_rest},           {"resume", verb_resume},     {"connect", verb_connect},
      {"arm", verb_arm},         {"watch", verb_watch},         {"release", verb_release},   {"adopt", verb_adopt},
      {"flush", verb_flush},     {"multicast", verb_multicast}, {"send", verb_send},         {"receive", verb_receive},
      {"shutdown", verb_shutdown}, {"close", verb_close},       {"peer", verb_peer},         {"local", verb_local},
      {"accepts", verb_accepts}, {"keepAlive", verb_keep_alive},
  };
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    napi_value function;
    napi_create_function(env, verbs[i].name, NAPI_AUTO_LENGTH, verbs[i].verb, NULL, &function);
    napi_set_named_property(env, exports, verbs[i].name, function);
  }
  return exports;
}
