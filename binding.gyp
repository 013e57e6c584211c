{
  "targets": [
    {
      "target_name": "netpoll",
      "sources": ["native/netpoll.c"],
      "defines": ["NAPI_VERSION=9"],
      "cflags": ["-O3", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "xcode_settings": { "OTHER_CFLAGS": ["-O3", "-Wall", "-Wextra", "-Werror"] }
    }
  ]
}
