/** Three figures of a sysctl: the least, the usual, and the most of a buffer; or low, pressure and high. */
export type Triple = readonly [number, number, number];

/** What a Linux machine says of itself. A figure is undefined where the machine does not tell it. */
export interface Machine {
  /** The size of a page of memory. */
  readonly pageBytes: number;
  /** RLIMIT_NOFILE of this process. Node raises the soft one to the hard one when it starts. */
  readonly descriptorsSoft: number | undefined;
  readonly descriptorsHard: number | undefined;
  /** fs.nr_open: to what RLIMIT_NOFILE can be raised. */
  readonly nrOpen: number | undefined;
  /** fs.file-max and fs.file-nr: open files of the whole machine. */
  readonly filesMax: number | undefined;
  readonly filesUsed: number | undefined;
  /** net.core.somaxconn: the bound of every listener's backlog. */
  readonly somaxconn: number | undefined;
  /** net.ipv4.tcp_max_syn_backlog, and tcp_syncookies: unless that is 0 the former is not asked. */
  readonly synBacklog: number | undefined;
  readonly synCookies: number | undefined;
  /** net.ipv4.tcp_mem (low, pressure, high), and what all sockets have of it. */
  readonly tcpMemoryPages: Triple | undefined;
  readonly tcpPagesUsed: number | undefined;
  /** net.ipv4.tcp_rmem and tcp_wmem. */
  readonly tcpReadBytes: Triple | undefined;
  readonly tcpWriteBytes: Triple | undefined;
  /** net.ipv4.ip_local_port_range: first and last port of those who connect. */
  readonly ports: readonly [first: number, last: number] | undefined;
  /** nf_conntrack_max and nf_conntrack_count; undefined where conntrack is not loaded, or has no bound. */
  readonly conntrackMax: number | undefined;
  readonly conntrackUsed: number | undefined;
  /** MemAvailable. */
  readonly memoryBytes: number | undefined;
  /** The memory limit of the control group with the least left, and what cannot be taken back of what it has. */
  readonly groupBytesMax: number | undefined;
  readonly groupBytesUsed: number | undefined;
  /** What may still be promised to processes; undefined unless the kernel refuses more (vm.overcommit_memory=2). */
  readonly commitBytesFree: number | undefined;
  /** Cores that this process may run on. */
  readonly cores: number | undefined;
  /** Cores whose time the control group may use, with a fraction. */
  readonly groupCores: number | undefined;
  /** Bytes that an object of each slab really takes, by the slab's name; undefined unless root reads. */
  readonly slabBytes: Readonly<Record<string, number>> | undefined;
}
