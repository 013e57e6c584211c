/** `belfry doctor`: what it reckons with where the machine does not tell, and what it may be asked. */
export const doctorLimits = {
  /** More connections nobody asks for: a descriptor is a signed number of 32 bits, and memory ends before. */
  doctorConnectionsMax: 1_000_000_000,
  /** 127.0.0.0/8 without its first and its last address: as many source addresses as a machine has by itself. */
  doctorSourcesMax: 16_777_214,
  /**
   * Memory of a connection in the process, beyond what a process takes by itself: bare, and with a channel of its own.
   */
  doctorBareBytes: 64,
  doctorSubscribedBytes: 160,
  /** Bytes that --bytes may say: more than the largest queue of a connection is no figure for an idle one. */
  doctorUserBytesMax: 1_048_576,
  /** Kernel memory for each end of an idle connection, measured on Linux 5 and 6, where the slabs cannot be read. */
  doctorKernelEndBytes: 3900,
  /** An entry of conntrack with its extensions, where the slabs cannot be read. */
  doctorConntrackBytes: 320,
  /** A process that has just begun to serve has 84 MiB; the heap of one that is busy is somewhat larger. */
  doctorProcessBytes: 100_663_296,
  /** Descriptors of a process that are no connections: loop, listeners, files, the Bus, callers of the HTTP API. */
  doctorSpareDescriptors: 256,
  /** Threads of a process are 11; there may be more while it starts, and while something is looked up. */
  doctorTasksPerProcess: 32,
  /**
   * The part of the connections that have a page of the kernel's at one time: a message to all leaves in slices, and
   * its pages are free again when the client has acknowledged it.
   */
  doctorBusyPercent: 10,
  /** The part of the memory that is left to everything else. */
  doctorSpareMemoryPercent: 10,
  /** Linux's own fs.nr_open: up to it descriptors cost nobody a thought. More processes come before more than that. */
  doctorDescriptorsUsual: 1_048_576,
  /** The range for ports of clients: above the ports on which Belfry and its Bus listen. */
  doctorPortFirst: 10_000,
  doctorPortLast: 65_535,
} as const;
