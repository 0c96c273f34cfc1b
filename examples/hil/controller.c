/* Reference controller of `opoloop hil`: one file, plain C99, nothing but libc.
 *
 *     gcc controller.c -o controller          (add -O3 where the compiler is not GCC)
 *     ./controller shm:demo                   (or udp:HOST:PORT)
 *
 * Two parts. LAW and FRAMES are what a port to firmware takes: they call nothing but memcpy, allocate
 * nothing, and know no transport. TRANSPORT needs POSIX (shared memory, sockets, a clock) and the atomic
 * built-ins of GCC and Clang; a port replaces it by its own. docs/hil.md says what crosses the wire,
 * README.md in this folder how to port it.
 *
 * The law is computed in IEEE single precision in a fixed order, so that every processor gives the same bits:
 * no product and sum may be fused.
 */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "float must be computed as float: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "frames are little-endian, and this file copies them as they lie in memory"
#endif

/* ------------------------------------------------------------------------------------------------- LAW -- */

static float word_as_float(const uint32_t* word) {
  float value;
  memcpy(&value, word, sizeof value);
  return value;
}

#ifndef OWN_LAW

enum { LAW_LINEAR = 0, LAW_CAC = 1, LAW_CFC = 2 };
enum { FIELD_NONE = 0, FIELD_MEAN = 1, FIELD_TABLE = 2 };

typedef struct {
  uint32_t law, field_term, n, rounds, substeps;
  float strength, error_dt, error_start, error_min, error_max;
  const float *alpha, *beta, *scale, *h, *J; /* tables inside the configuration image */
  float* e;                                  /* [n] */
} law_t;

/* Takes the configuration image of CFG frames, which must stay where it is. e is the caller's memory, n
 * floats. 0, or what is wrong with it. */
static const char* law_configure(law_t* law, const uint32_t* words, size_t count, uint32_t n, float* e) {
  size_t at = 16;
  if (count < 16) return "configuration too short";
  law->law = words[0];
  law->field_term = words[1];
  law->n = words[2];
  law->rounds = words[3];
  law->substeps = words[4];
  law->strength = word_as_float(words + 5);
  law->error_dt = word_as_float(words + 6);
  law->error_start = word_as_float(words + 7);
  law->error_min = word_as_float(words + 8);
  law->error_max = word_as_float(words + 9);
  if (law->law > LAW_CFC) return "a law this controller does not know";
  if (law->field_term > FIELD_TABLE) return "a field term this controller does not know";
  if (law->n != n || law->rounds == 0) return "configuration and HELLO contradict each other";
  law->alpha = law->beta = law->scale = law->h = NULL;
  if (law->law != LAW_LINEAR) {
    law->alpha = (const float*)(words + at);
    at += law->rounds;
    law->beta = (const float*)(words + at);
    at += law->rounds;
  }
  if (law->field_term == FIELD_TABLE) {
    law->scale = (const float*)(words + at);
    at += law->rounds;
  }
  if (law->field_term != FIELD_NONE) {
    law->h = (const float*)(words + at);
    at += n;
  }
  if (count != at + (size_t)n * n) return "configuration of the wrong length";
  law->J = (const float*)(words + at);
  law->e = e;
  return NULL;
}

/* Back to round 0. */
static void law_start(law_t* law) {
  uint32_t i;
  for (i = 0; i < law->n; ++i) law->e[i] = law->error_start;
}

/* field_i = J_i0 x_0 + J_i1 x_1 + ..., from the left. J is symmetric: column j is row j, read from end to
 * end. Eight of them go into all sums before the sums go back to memory; a compiler puts neighbouring i side
 * by side in vector registers, and the order within a sum stays. */
static void law_multiply(const law_t* law, const float* restrict x, float* restrict field) {
  const size_t n = law->n;
  size_t i, j;
  for (i = 0; i < n; ++i) field[i] = 0;
  for (j = 0; j + 8 <= n; j += 8) {
    const float* restrict a = law->J + j * n;
    for (i = 0; i < n; ++i) {
      float sum = field[i];
      sum += a[i] * x[j];
      sum += a[i + n] * x[j + 1];
      sum += a[i + 2 * n] * x[j + 2];
      sum += a[i + 3 * n] * x[j + 3];
      sum += a[i + 4 * n] * x[j + 4];
      sum += a[i + 5 * n] * x[j + 5];
      sum += a[i + 6 * n] * x[j + 6];
      sum += a[i + 7 * n] * x[j + 7];
      field[i] = sum;
    }
  }
  for (; j < n; ++j) {
    const float* restrict a = law->J + j * n;
    for (i = 0; i < n; ++i) field[i] += a[i] * x[j];
  }
}

static void law_step_error(const law_t* law, float* error, float square, float alpha, float beta) {
  uint32_t s;
  float e = *error;
  for (s = 0; s < law->substeps; ++s) {
    e += -beta * e * (square - alpha) * law->error_dt;
    if (law->error_min > 0 && e < law->error_min) e = law->error_min;
    if (law->error_max > 0 && e > law->error_max) e = law->error_max;
  }
  *error = e;
}

/* injection of round k from the measured x; steps e. */
static void law_feed_back(law_t* law, uint64_t round, const float* x, float* injection) {
  const uint32_t k = round < law->rounds ? (uint32_t)round : law->rounds - 1;
  uint32_t i;
  law_multiply(law, x, injection);
  if (law->field_term != FIELD_NONE) {
    float scale = 0;
    if (law->field_term == FIELD_TABLE) {
      scale = law->scale[k];
    } else {
      for (i = 0; i < law->n; ++i) scale += x[i] < 0 ? -x[i] : x[i];
      scale /= (float)law->n;
    }
    for (i = 0; i < law->n; ++i) injection[i] += law->h[i] * scale;
  }
  for (i = 0; i < law->n; ++i) {
    if (law->law == LAW_LINEAR) {
      injection[i] = law->strength * injection[i];
    } else {
      const float z = law->e[i] * law->strength * injection[i];
      const float square = law->law == LAW_CAC ? x[i] * x[i] : z * z;
      injection[i] = z;
      law_step_error(law, &law->e[i], square, law->alpha[k], law->beta[k]);
    }
  }
}

#endif /* OWN_LAW */

/* What the conversation calls: take the configuration image, begin a run, answer a measurement. Samples come
 * and go as values; their LSBs are there for a law that computes in codes. 0, or what is wrong.
 * Compiled with -DOWN_LAW the three are another file's, as in verilog/testbench.cpp. */
#ifdef OWN_LAW
const char* feedback_configure(const uint32_t* words, size_t count, uint32_t n);
void feedback_start(void);
const char* feedback_answer(uint64_t round, float x_lsb, const float* x, float y_lsb, float* injection);
#else
static void* memory(size_t count, size_t size);
static law_t the_law;

static const char* feedback_configure(const uint32_t* words, size_t count, uint32_t n) {
  static float* e;
  e = memory(n, sizeof *e);
  return law_configure(&the_law, words, count, n, e);
}

static void feedback_start(void) {
  law_start(&the_law);
}

static const char* feedback_answer(uint64_t round, float x_lsb, const float* x, float y_lsb,
                                   float* injection) {
  (void)x_lsb;
  (void)y_lsb;
  law_feed_back(&the_law, round, x, injection);
  return NULL;
}
#endif

/* ---------------------------------------------------------------------------------------------- FRAMES -- */

enum { FMT_I8 = 0, FMT_I12 = 1, FMT_I16 = 2, FMT_F32 = 3 };
enum { HELLO = 1, CFG = 2, MEAS = 3, FDBK = 4, END = 5, ERR = 6 };
enum { SATURATED = 1, LATE = 2, REPEAT = 4, LAST = 8 };
enum { HEADER_BYTES = 64, CRC_AT = 60 };
static const uint32_t MAGIC = 0x464D4943u; /* "CIMF" */

/* As it lies on the wire: every field is where its alignment wants it. */
typedef struct {
  uint32_t magic;
  uint8_t version, format, type, flags;
  uint32_t session, run;
  uint64_t round, apply, t_sim_ns, t_send_ns;
  uint32_t n;
  float lsb;
  uint16_t fragment, fragments;
  uint32_t crc;
} frame_t;
typedef char frame_is_64_bytes[sizeof(frame_t) == HEADER_BYTES ? 1 : -1];

static uint32_t crc_table[8][256];

static void crc_prepare(void) {
  uint32_t byte, t, bit;
  for (byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
    crc_table[0][byte] = crc;
  }
  for (t = 1; t < 8; ++t) {
    for (byte = 0; byte < 256; ++byte)
      crc_table[t][byte] = (crc_table[t - 1][byte] >> 8) ^ crc_table[0][crc_table[t - 1][byte] & 0xff];
  }
}

/* CRC-32C, eight bytes at a time; `crc` is that of what came before, 0 to begin. */
static uint32_t crc32c(uint32_t crc, const uint8_t* at, size_t left) {
  crc = ~crc;
  for (; left >= 8; left -= 8, at += 8) {
    uint32_t low, high;
    memcpy(&low, at, 4);
    memcpy(&high, at + 4, 4);
    low ^= crc;
    crc = crc_table[7][low & 0xff] ^ crc_table[6][(low >> 8) & 0xff] ^ crc_table[5][(low >> 16) & 0xff] ^
          crc_table[4][low >> 24] ^ crc_table[3][high & 0xff] ^ crc_table[2][(high >> 8) & 0xff] ^
          crc_table[1][(high >> 16) & 0xff] ^ crc_table[0][high >> 24];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ crc_table[0][(crc ^ *at) & 0xff];
  return ~crc;
}

static uint32_t frame_crc(const uint8_t* datagram, size_t bytes) {
  static const uint8_t zero[4] = {0, 0, 0, 0};
  const uint32_t crc = crc32c(crc32c(0, datagram, CRC_AT), zero, 4);
  return crc32c(crc, datagram + HEADER_BYTES, bytes - HEADER_BYTES);
}

static size_t sample_bytes(uint8_t format) {
  return format == FMT_I8 ? 1 : format == FMT_F32 ? 4 : 2;
}

/* Whether a datagram is a sound frame; its header goes to *frame. */
static int frame_read(const uint8_t* datagram, size_t bytes, frame_t* frame) {
  if (bytes < HEADER_BYTES) return 0;
  memcpy(frame, datagram, HEADER_BYTES);
  return frame->magic == MAGIC && frame->version == 1 && frame->format <= FMT_F32 && frame->type >= HELLO &&
         frame->type <= ERR && bytes - HEADER_BYTES == (uint64_t)frame->n * sample_bytes(frame->format) &&
         frame->fragment < frame->fragments && frame_crc(datagram, bytes) == frame->crc;
}

/* Samples to values; 0 where one is no number or out of its format. */
static int samples_read(uint8_t format, float lsb, const uint8_t* in, uint32_t n, float* values) {
  uint32_t i;
  if (!(lsb - lsb == 0)) return 0;
  for (i = 0; i < n; ++i) {
    if (format == FMT_F32) {
      memcpy(values + i, in + 4 * (size_t)i, 4);
      if (!(values[i] - values[i] == 0)) return 0; /* NaN or infinite */
    } else if (format == FMT_I8) {
      int8_t code;
      memcpy(&code, in + i, 1);
      values[i] = (float)code * lsb;
    } else {
      int16_t code;
      memcpy(&code, in + 2 * (size_t)i, 2);
      if (format == FMT_I12 && (code < -2048 || code > 2047)) return 0;
      values[i] = (float)code * lsb;
    }
  }
  return 1;
}

/* Nearest integer, halves to even, of |v| <= 32768; libm would have it, but then libm is needed. */
static int32_t nearest(float v) {
  int32_t whole = (int32_t)v;
  const float rest = v - (float)whole;
  const float size = rest < 0 ? -rest : rest;
  if (size > 0.5f || (size == 0.5f && (whole & 1))) whole += v < 0 ? -1 : 1;
  return whole;
}

/* Values to samples; returns whether one was out of range and held to it. */
static int samples_write(uint8_t format, float lsb, const float* values, uint32_t n, uint8_t* out) {
  const int32_t limit = format == FMT_I8 ? 127 : format == FMT_I12 ? 2047 : 32767;
  int saturated = 0;
  uint32_t i;
  if (format == FMT_F32) {
    memcpy(out, values, 4 * (size_t)n);
    return 0;
  }
  for (i = 0; i < n; ++i) {
    const float scaled = values[i] / lsb;
    int32_t code = 0;
    if (scaled > -32768.0f && scaled < 32768.0f) {
      code = nearest(scaled);
    } else if (scaled < 0 || scaled > 0) { /* not NaN */
      code = scaled < 0 ? -limit - 1 : limit + 1;
    } else {
      saturated = 1;
    }
    if (code > limit || code < -limit) {
      saturated = 1;
      code = code < 0 ? -limit : limit;
    }
    if (format == FMT_I8) {
      const int8_t stored = (int8_t)code;
      memcpy(out + i, &stored, 1);
    } else {
      const int16_t stored = (int16_t)code;
      memcpy(out + 2 * (size_t)i, &stored, 2);
    }
  }
  return saturated;
}

/* ------------------------------------------------------------------------------------------- TRANSPORT -- */

/* What shared memory holds, as in driver/hil/shm_carrier.h. */
enum { SLOTS = 16, SLOT_BYTES = 16384, LARGEST = 65536 };
typedef struct {
  uint64_t head;
  uint8_t pad1[56];
  uint64_t tail;
  uint8_t pad2[56];
} ring_t;
typedef struct {
  uint32_t bytes;
  uint8_t pad[60];
  uint8_t datagram[SLOT_BYTES];
} slot_t;
typedef struct {
  uint32_t magic, version, slots, slot_bytes, plant_pid, controller_pid, plant_closed, controller_closed;
  uint8_t pad[32];
  ring_t to_controller, to_plant;
  slot_t slots_to_controller[SLOTS], slots_to_plant[SLOTS];
} region_t;
typedef char region_is_as_the_plant_has_it[offsetof(region_t, slots_to_controller) == 320 ? 1 : -1];

static region_t* region;   /* shm, else NULL */
static int socket_fd = -1; /* udp */
static uint8_t received[LARGEST];
static size_t largest_datagram;
static volatile sig_atomic_t told_to_stop;

static void on_signal(int signal_number) {
  (void)signal_number;
  told_to_stop = 1;
}

static void leave(void) {
  if (region != NULL) __atomic_store_n(&region->controller_closed, 1, __ATOMIC_SEQ_CST);
}

static void die(const char* what) {
  fprintf(stderr, "controller: %s\n", what);
  leave();
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void require_plant(void) {
  if (__atomic_load_n(&region->plant_closed, __ATOMIC_ACQUIRE)) die("the plant has left");
  if (kill((pid_t)region->plant_pid, 0) != 0 && errno == ESRCH) die("the plant died");
}

static void open_shm(const char* name) {
  char path[256];
  uint32_t nobody = 0;
  int tries;
  if (strlen(name) > 200) die("name too long");
  sprintf(path, "/opoloop-%s", name);
  for (tries = 0; tries < 1000 && region == NULL; ++tries) { /* the plant may still be on its way: 10 s */
    const struct timespec wait = {0, 10000000};
    struct stat status;
    const int file = shm_open(path, O_RDWR, 0);
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size >= (off_t)sizeof(region_t)) {
      void* memory = mmap(NULL, sizeof(region_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (memory != MAP_FAILED) {
        region = memory;
        if (__atomic_load_n(&region->magic, __ATOMIC_ACQUIRE) != 0x524D4943u ||
            (kill((pid_t)region->plant_pid, 0) != 0 && errno == ESRCH) || region->plant_closed) {
          munmap(memory, sizeof(region_t)); /* not ready, or left by a plant that was killed */
          region = NULL;
        }
      }
    }
    if (file >= 0) close(file);
    if (region == NULL) nanosleep(&wait, NULL);
  }
  if (region == NULL) die("no plant serves this name");
  if (region->version != 1 || region->slots != SLOTS || region->slot_bytes != SLOT_BYTES)
    die("shared memory of another version");
  if (!__atomic_compare_exchange_n(&region->controller_pid, &nobody, (uint32_t)getpid(), 0, __ATOMIC_SEQ_CST,
                                   __ATOMIC_SEQ_CST)) {
    region = NULL; /* not ours to close */
    die("another controller was here first");
  }
  largest_datagram = SLOT_BYTES;
}

static void open_udp(const char* host_and_port) {
  struct addrinfo hints, *found = NULL;
  const char* colon = strrchr(host_and_port, ':');
  const char* port = colon != NULL ? colon + 1 : host_and_port;
  const int buffer = 4 << 20;
  char host[256] = "127.0.0.1";
  if (colon != NULL) {
    const size_t length = (size_t)(colon - host_and_port);
    if (length == 0 || length >= sizeof host) die("expected udp:HOST:PORT");
    memcpy(host, host_and_port, length);
    host[length] = 0;
  }
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host, port, &hints, &found) != 0) die("unknown host or port");
  socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (socket_fd < 0 || connect(socket_fd, found->ai_addr, found->ai_addrlen) != 0) die("cannot connect");
  freeaddrinfo(found);
  setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  fcntl(socket_fd, F_SETFL, O_NONBLOCK);
  largest_datagram = 1472;
}

static void transport_send(const uint8_t* datagram, size_t bytes) {
  if (region != NULL) {
    ring_t* ring = &region->to_plant;
    const uint64_t head = ring->head;
    slot_t* slot = &region->slots_to_plant[head % SLOTS];
    while (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) >= SLOTS) {
      require_plant();
      sched_yield();
    }
    slot->bytes = (uint32_t)bytes;
    memcpy(slot->datagram, datagram, bytes);
    __atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
    return;
  }
  while (send(socket_fd, datagram, bytes, 0) < 0 && errno == EINTR)
    continue; /* a lost one is asked for again */
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/* The next datagram, in `received`; its bytes, 0 where none came within some milliseconds. */
static size_t transport_receive(void) {
  const uint64_t until = now_ns() + 20000000u;
  int spins = 0;
  if (region != NULL) {
    ring_t* ring = &region->to_controller;
    const uint64_t tail = ring->tail;
    const slot_t* slot = &region->slots_to_controller[tail % SLOTS];
    size_t bytes;
    while (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail) {
      if (++spins < 300) {
        pause_briefly();
        continue;
      }
      if (now_ns() > until) {
        if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == tail) require_plant();
        return 0;
      }
      sched_yield();
    }
    bytes = slot->bytes <= SLOT_BYTES ? slot->bytes : SLOT_BYTES;
    memcpy(received, slot->datagram, bytes);
    __atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
    return bytes;
  }
  for (;;) {
    const ssize_t got = recv(socket_fd, received, sizeof received, 0);
    struct pollfd waiting;
    if (got >= 0) return (size_t)got;
    if (now_ns() > until) return 0;
    if (++spins < 50) continue;
    waiting.fd = socket_fd;
    waiting.events = POLLIN;
    poll(&waiting, 1, 5);
  }
}

/* ---------------------------------------------------------------------------------------- CONVERSATION -- */

static uint32_t session, fragment_bytes;

/* Sends a message in as many fragments as it takes. */
static void message_send(frame_t frame, const uint8_t* payload, size_t bytes) {
  static uint8_t datagram[LARGEST];
  const size_t fragments = bytes == 0 ? 1 : (bytes + fragment_bytes - 1) / fragment_bytes;
  size_t f;
  frame.magic = MAGIC;
  frame.version = 1;
  frame.session = session;
  frame.t_send_ns = now_ns();
  frame.fragments = (uint16_t)fragments;
  frame.crc = 0;
  for (f = 0; f < fragments; ++f) {
    const size_t at = f * fragment_bytes;
    const size_t part = bytes - at < fragment_bytes ? bytes - at : fragment_bytes;
    uint32_t crc;
    frame.fragment = (uint16_t)f;
    frame.n = (uint32_t)(part / sample_bytes(frame.format));
    memcpy(datagram, &frame, HEADER_BYTES);
    if (part > 0) memcpy(datagram + HEADER_BYTES, payload + at, part);
    crc = frame_crc(datagram, HEADER_BYTES + part);
    memcpy(datagram + CRC_AT, &crc, 4);
    transport_send(datagram, HEADER_BYTES + part);
  }
}

static void complain_and_die(const char* what) {
  frame_t frame;
  memset(&frame, 0, sizeof frame);
  frame.type = ERR;
  frame.format = FMT_I8;
  message_send(frame, (const uint8_t*)what, strlen(what));
  die(what);
}

/* One message is put together at a time. */
static struct {
  frame_t head;
  uint8_t *payload, *there;
  size_t capacity, bytes, missing;
} message;

/* Waits for a whole message; 0 where none came for some milliseconds. */
static int message_receive(void) {
  for (;;) {
    frame_t frame;
    size_t bytes = transport_receive();
    const uint8_t* payload = received + HEADER_BYTES;
    int newer;
    if (bytes == 0) return 0;
    if (!frame_read(received, bytes, &frame)) continue;
    if (session != 0 && frame.session != session) continue;
    bytes -= HEADER_BYTES;
    if (frame.fragment + 1 < frame.fragments ? bytes != fragment_bytes : bytes > fragment_bytes) continue;
    if ((size_t)frame.fragments * fragment_bytes > message.capacity) continue;
    newer = message.missing == 0 || frame.type != message.head.type || frame.run > message.head.run ||
            (frame.run == message.head.run && frame.round > message.head.round);
    if (newer) {
      message.head = frame;
      message.missing = frame.fragments;
      memset(message.there, 0, frame.fragments);
    } else if (frame.run != message.head.run || frame.round != message.head.round ||
               frame.fragments != message.head.fragments || frame.format != message.head.format ||
               memcmp(&frame.lsb, &message.head.lsb, 4) != 0 || message.there[frame.fragment]) {
      continue;
    }
    message.there[frame.fragment] = 1;
    if (bytes > 0) memcpy(message.payload + (size_t)frame.fragment * fragment_bytes, payload, bytes);
    if (frame.fragment + 1 == frame.fragments)
      message.bytes = (size_t)frame.fragment * fragment_bytes + bytes;
    message.head.flags |= frame.flags;
    if (--message.missing == 0) return 1;
  }
}

static void* memory(size_t count, size_t size) {
  void* got = calloc(count, size);
  if (got == NULL) die("out of memory");
  return got;
}

static void reserve_message(size_t bytes) {
  free(message.payload);
  free(message.there);
  message.capacity = bytes + fragment_bytes;
  message.payload = memory(message.capacity, 1);
  message.there = memory(65536, 1);
  message.missing = 0;
}

static void reply_empty(uint8_t type) {
  frame_t frame;
  memset(&frame, 0, sizeof frame);
  frame.type = type;
  frame.format = FMT_F32;
  frame.run = message.head.run;
  frame.round = message.head.round;
  message_send(frame, NULL, 0);
}

int main(int argc, char** argv) {
  static uint32_t* words; /* memory that is kept to the end */
  static float *x, *injection;
  static uint8_t* payload;
  uint32_t hello[16], n, have_blocks = 0;
  uint64_t heard, answered = 0;
  frame_t sent;
  const char* wrong;
  int configured = 0, running = 0, tries;

  if (argc != 2 || (strncmp(argv[1], "shm:", 4) != 0 && strncmp(argv[1], "udp:", 4) != 0)) {
    fprintf(stderr, "usage: %s shm:NAME | udp:HOST:PORT\n", argv[0]);
    return 2;
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  crc_prepare();
  if (argv[1][0] == 's') {
    open_shm(argv[1] + 4);
  } else {
    open_udp(argv[1] + 4);
  }
  fragment_bytes = (uint32_t)((largest_datagram - HEADER_BYTES) / 4 * 4);
  reserve_message(LARGEST);
  memset(&sent, 0, sizeof sent);

  /* HELLO until the plant answers. */
  for (tries = 0;; ++tries) {
    frame_t frame;
    memset(&frame, 0, sizeof frame);
    frame.type = HELLO;
    frame.format = FMT_F32;
    if (tries == 500 || told_to_stop) die("no plant answered");
    message_send(frame, NULL, 0);
    if (message_receive() && message.head.type == HELLO && message.head.session != 0 &&
        message.bytes == sizeof hello)
      break;
  }
  memcpy(hello, message.payload, sizeof hello);
  session = message.head.session;
  n = hello[0];
  if (n == 0 || n > 1u << 20 || hello[1] < 4 || hello[1] % 4 != 0 || hello[1] > LARGEST - HEADER_BYTES ||
      hello[6] > FMT_F32 || hello[7] > FMT_F32 || hello[11] == 0 || hello[11] > 1u << 20)
    complain_and_die("HELLO out of range");
  fragment_bytes = hello[1];
  reserve_message(4 * (size_t)(hello[11] > n ? hello[11] : n));
  words = memory(hello[10], sizeof *words);
  x = memory(n, sizeof *x);
  injection = memory(n, sizeof *injection);
  payload = memory(n, 4);

  heard = now_ns();
  for (;;) {
    if (told_to_stop) complain_and_die("the controller was stopped");
    if (!message_receive()) {
      if (now_ns() - heard > 30000000000u) die("no word of the plant for 30 s");
      continue;
    }
    heard = now_ns();
    switch (message.head.type) {
      case CFG: { /* one block after another; one that came before is acknowledged again */
        const uint64_t at = message.head.round * hello[11];
        if (message.head.round > have_blocks) break;
        if (message.head.round == have_blocks && at < hello[10]) {
          const size_t count = hello[10] - at < hello[11] ? hello[10] - at : hello[11];
          if (message.bytes != 4 * count) complain_and_die("configuration block of the wrong length");
          memcpy(words + at, message.payload, message.bytes);
          ++have_blocks;
          if (at + count == hello[10]) {
            wrong = feedback_configure(words, hello[10], n);
            if (wrong != NULL) complain_and_die(wrong);
            configured = 1;
          }
        }
        reply_empty(CFG);
        break;
      }
      case MEAS:
        if (!configured) break;
        if (running && message.head.run == sent.run && message.head.round == sent.round) {
          sent.flags |= REPEAT; /* our answer was lost: the same again */
          message_send(sent, payload, (size_t)n * sample_bytes(sent.format));
          break;
        }
        if (running && (message.head.run < sent.run ||
                        (message.head.run == sent.run && message.head.round < sent.round))) {
          if (region != NULL) complain_and_die("a round that goes back"); /* this carrier keeps order */
          break;                                                          /* overtaken on its way */
        }
        if (message.bytes != (size_t)n * sample_bytes(message.head.format) ||
            !samples_read(message.head.format, message.head.lsb, message.payload, n, x))
          complain_and_die("a measurement that is none");
        if (!running || message.head.run != sent.run) feedback_start();
        running = 1;
        wrong = feedback_answer(message.head.round, message.head.lsb, x, word_as_float(hello + 9), injection);
        if (wrong != NULL) complain_and_die(wrong);
        memset(&sent, 0, sizeof sent);
        sent.type = FDBK;
        sent.format = (uint8_t)hello[7];
        sent.lsb = word_as_float(hello + 9);
        sent.run = message.head.run;
        sent.round = message.head.round;
        sent.apply = message.head.apply;
        sent.t_sim_ns = message.head.t_sim_ns;
        if (samples_write(sent.format, sent.lsb, injection, n, payload)) sent.flags |= SATURATED;
        message_send(sent, payload, (size_t)n * sample_bytes(sent.format));
        ++answered;
        break;
      case END:
        reply_empty(END);
        if (message.head.flags & LAST) {
          printf("answered %llu rounds of %u pulses\n", (unsigned long long)answered, (unsigned)n);
          leave();
          return 0;
        }
        break;
      case ERR:
        message.payload[message.bytes < 200 ? message.bytes : 200] = 0;
        fprintf(stderr, "controller: the plant reports: %s\n", (const char*)message.payload);
        leave();
        return 1;
      default:
        break; /* a HELLO that came twice */
    }
  }
}
