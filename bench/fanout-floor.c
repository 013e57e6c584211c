// fanout-floor: the least that a fan-out can cost. One process sends the same bytes to N connections in turn, with bare
// send() calls and nothing else, to another process that reads them; the sender on CPU 0, the reader on CPU 1.
//
//   cc -O2 -Wall -Wextra -o fanout-floor bench/fanout-floor.c && ./fanout-floor [N] [BYTES] [ROUNDS]
//
// Two figures, nanoseconds of the sender's CPU for each send. `hot`: rounds one after the other, to a reader that is
// stopped, so that all is in the caches and nobody is woken. `paced`: a round every 250 ms, to a reader that waits in
// epoll_wait, as publications and clients do. What lies between the two no server can save; compare it with the second.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static char bytes[65536];

static void on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}
static double cpu_ns(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}
static void die(const char *what) {
  perror(what);
  exit(1);
}
// Connects N times, and reads whatever comes until it is killed.
static void read_all(int n, struct sockaddr_in to) {
  on_cpu(1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int queue = epoll_create1(0);
  struct epoll_event ready[1024];
  for (int i = 0; i < n; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e);
  }
  for (;;) {
    int count = epoll_wait(queue, ready, 1024, -1);
    for (int i = 0; i < count; i++)
      if (recv(ready[i].data.fd, bytes, sizeof bytes, 0) < 0) die("recv");
  }
}
static double send_rounds(const int *fds, int n, int length, int rounds, useconds_t pause) {
  double spent = 0;
  for (int r = 0; r < rounds; r++) {
    double begin = cpu_ns();
    for (int i = 0; i < n; i++)
      if (send(fds[i], bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) != length) die("send");
    spent += cpu_ns() - begin;
    if (pause) usleep(pause);
  }
  return spent / rounds / n;
}
int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 9000, length = argc > 2 ? atoi(argv[2]) : 100, rounds = argc > 3 ? atoi(argv[3]) : 20;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), *fds = calloc((size_t)n, sizeof *fds);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  pid_t reader = fork();
  if (reader == 0) read_all(n, address);
  on_cpu(0);
  for (int i = 0; i < n; i++) {
    if ((fds[i] = accept(listener, NULL, NULL)) < 0) die("accept");
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  send_rounds(fds, n, length, 2, 250000);
  double paced = send_rounds(fds, n, length, rounds, 250000);
  kill(reader, SIGSTOP);
  double hot = send_rounds(fds, n, length, rounds, 0);
  kill(reader, SIGKILL);
  printf("{\"connections\":%d,\"bytes\":%d,\"hot\":%.0f,\"paced\":%.0f}\n", n, length, hot, paced);
  return 0;
}
