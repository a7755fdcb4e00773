/* A driver of CUDA without a GPU: memory is the host's, kernels do nothing, and what they are launched with is checked.
   It answers what numba-cuda and cuda-bindings ask for; every other function of the driver says that all went well.
   STUB_FAIL="launch 5" or "memory 5": the fifth launch fails, or every allocation from the fifth on. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Result;
enum { INVALID = 1, NO_MEMORY = 2, NO_CONTEXT = 201, LAUNCH_FAILED = 719, WHILE_CAPTURING = 900 };

static struct Block { char *begin; size_t size; struct Block *next; } *blocks;
static void *contexts[64], *captured_stream;
static int depth, capturing;
static long handles = 0x10000, launches, memories, graphs, faults;

static long fails(const char *what) {
    const char *said = getenv("STUB_FAIL");
    size_t n = strlen(what);
    return said && !strncmp(said, what, n) ? atol(said + n) : 0;
}
static Result fault(const char *what) { faults++; fprintf(stderr, "driver: %s\n", what); return INVALID; }

static Result fine(void) { return 0; }
static Result new_handle(void **out) { *out = (void *)(handles += 16); return 0; }
static Result version(int *out) { *out = 13000; return 0; }
static Result device_count(int *out) { *out = 1; return 0; }
static Result device_of(int *out, int number) { *out = number; return 0; }
static Result device_name(char *out, int room) { snprintf(out, room, "none"); return 0; }
static Result device_uuid(char *out) { memset(out, 7, 16); return 0; }
static Result device_attribute(int *out, int which) { /* numbers as in cuda.h, of a Hopper GPU */
    static const int known[][2] = {{1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535},
                                   {8, 49152}, {10, 32}, {12, 65536}, {16, 132}, {75, 9}, {76, 0}};
    *out = 1;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) if (known[k][0] == which) *out = known[k][1];
    return 0;
}
static Result context_of(void **out) { *out = (void *)0x1000; return 0; }
static Result context_now(void **out) { *out = depth ? contexts[depth - 1] : 0; return 0; }
static Result context_set(void *context) { contexts[depth ? depth - 1 : depth++] = context; return 0; }
static Result context_push(void *context) { return depth < 64 ? (contexts[depth++] = context, 0) : fault("contexts"); }
static Result context_pop(void **out) { if (!depth) return NO_CONTEXT; *out = contexts[--depth]; return 0; }
static Result context_device(int *out) { *out = 0; return 0; }

static Result memory_left(size_t *free_bytes, size_t *all) { *free_bytes = *all = (size_t)64 << 30; return 0; }
static Result take(void **out, size_t size) {
    memories++;
    if (fails("memory") && memories >= fails("memory")) return NO_MEMORY;
    struct Block *block = malloc(sizeof *block);
    *block = (struct Block){*out = calloc(size, 1), size, blocks};
    blocks = block;
    return *out ? 0 : NO_MEMORY;
}
static Result give_back(char *begin) {
    for (struct Block **at = &blocks; *at; at = &(*at)->next) if ((*at)->begin == begin) {
        struct Block *gone = *at;
        *at = gone->next, free(begin), free(gone);
        return 0;
    }
    return fault("memory that is not there was given back");
}
static Result inside(const char *begin, size_t size) {
    for (struct Block *block = blocks; block; block = block->next)
        if (begin >= block->begin && begin + size <= block->begin + block->size) return 0;
    return fault("a copy leaves the array");
}
static Result to_device(char *to, const char *from, size_t size) {
    if (capturing) return WHILE_CAPTURING;
    return inside(to, size) ? INVALID : (memcpy(to, from, size), 0);
}
static Result to_host(char *to, const char *from, size_t size) {
    if (capturing) return WHILE_CAPTURING;
    return inside(from, size) ? INVALID : (memcpy(to, from, size), 0);
}
static Result size_of(void **begin, size_t *size, char *inner) { *begin = inner, *size = 1; return 0; }
static Result pointer_kind(uint64_t *out, int which, void *p) { *out = which == 2 ? 2 : (uint64_t)p; return 0; }

static Result launched(const unsigned *grid, void *stream) {
    if (++launches == fails("launch")) return LAUNCH_FAILED;
    if (grid[1] > 65535 || grid[2] > 65535 || (uint64_t)grid[3] * grid[4] * grid[5] > 1024) return fault("a large grid");
    for (int k = 0; k < 6; k++) if (!grid[k]) return fault("an empty grid");
    return capturing && stream != captured_stream ? fault("a launch beside the stream that is recorded") : 0;
}
static Result launch(void *f, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned s, void *t) {
    return launched((unsigned[]){a, b, c, d, e, g}, t);
}
struct Config { unsigned grid[6], shared; void *stream; };
static Result launch_as(const struct Config *config) { return launched(config->grid, config->stream); }
static Result kernel_attribute(int *out, int which) { *out = which ? 32 : 1024; return 0; }
static Result begin_capture(void *stream) { capturing = 1, captured_stream = stream; return 0; }
static Result end_capture(void *stream, void **out) { capturing = 0; return new_handle(out); }
static Result is_capturing(void *stream, int *out) { *out = capturing; return 0; }
static Result start_graph(void) { graphs++; return 0; }
static Result words(int error, const char **out) {
    *out = error == NO_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" : "error";
    return 0;
}

static const struct { const char *name; void *function; } table[] = {
    {"cuDriverGetVersion", version}, {"cuDeviceGetCount", device_count}, {"cuDeviceGet", device_of},
    {"cuDeviceGetName", device_name}, {"cuDeviceGetUuid", device_uuid}, {"cuDeviceGetAttribute", device_attribute},
    {"cuDevicePrimaryCtxRetain", context_of}, {"cuCtxGetCurrent", context_now}, {"cuCtxSetCurrent", context_set},
    {"cuCtxPushCurrent", context_push}, {"cuCtxPopCurrent", context_pop}, {"cuCtxGetDevice", context_device},
    {"cuMemGetInfo", memory_left}, {"cuMemAlloc", take}, {"cuMemFree", give_back}, {"cuMemcpyHtoD", to_device},
    {"cuMemcpyHtoDAsync", to_device}, {"cuMemcpyDtoH", to_host}, {"cuMemcpyDtoHAsync", to_host},
    {"cuMemGetAddressRange", size_of}, {"cuPointerGetAttribute", pointer_kind}, {"cuStreamCreate", new_handle},
    {"cuEventCreate", new_handle}, {"cuLibraryLoadData", new_handle}, {"cuLibraryGetKernel", new_handle},
    {"cuLibraryGetModule", new_handle}, {"cuKernelGetFunction", new_handle}, {"cuModuleLoadDataEx", new_handle},
    {"cuModuleGetFunction", new_handle}, {"cuFuncGetAttribute", kernel_attribute},
    {"cuKernelGetAttribute", kernel_attribute}, {"cuLaunchKernel", launch}, {"cuLaunchKernelEx", launch_as},
    {"cuStreamBeginCapture", begin_capture}, {"cuStreamEndCapture", end_capture},
    {"cuStreamIsCapturing", is_capturing}, {"cuGraphInstantiate", new_handle},
    {"cuGraphInstantiateWithFlags", new_handle}, {"cuGraphLaunch", start_graph}, {"cuGetErrorName", words},
    {"cuGetErrorString", words},
};
Result cuGetProcAddress_v2(const char *name, void **out, int since, uint64_t flags, int *status) {
    if (status) *status = 0;
    *out = !strcmp(name, "cuGetProcAddress") ? (void *)cuGetProcAddress_v2 : (void *)fine;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) if (!strcmp(name, table[k].name)) *out = table[k].function;
    return 0;
}
Result cuGetProcAddress(const char *name, void **out, int since, uint64_t flags) {
    return cuGetProcAddress_v2(name, out, since, flags, 0);
}
Result cuInit(unsigned flags) { return 0; }
Result cuDriverGetVersion(int *out) { return version(out); }
long stub_launches(void) { return launches; }
long stub_graphs(void) { return graphs; }
long stub_memories(void) { return memories; }
long stub_faults(void) { return faults; }
