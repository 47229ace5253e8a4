/* What the test programs share. */
#ifndef CHECK_H
#define CHECK_H

#include "matchbook.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the program, saying where, unless the condition holds. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* Ends the program unless a call came to the status that is expected. */
#define EXPECT(call, expected) \
    do { \
        mb_status status_ = (call); \
        if (status_ != (expected)) { \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, mb_status_text(status_)); \
            exit(1); \
        } \
    } while (0)

#define OK(call) EXPECT(call, MB_STATUS_OK)

/* A buffer of an array. */
#define ROOM(array) ((mb_buffer){(uint8_t *)(array), sizeof(array), 0})

/* Fetches the state, writes it to a file, and says so. */
static inline void save(mb_device *device, const char *path) {
    static uint8_t bytes[MB_STATE_ROOM];
    mb_buffer state = ROOM(bytes);
    OK(mb_device_state(device, &state));
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    CHECK(write(file, state.data, state.len) == (ssize_t)state.len);
    CHECK(fsync(file) == 0 && close(file) == 0);
    OK(mb_device_saved(device));
}

/* A device made of the file. */
static inline mb_device *load(const char *path) {
    static uint8_t bytes[MB_STATE_ROOM];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    CHECK(fclose(file) == 0);
    mb_device *device = NULL;
    OK(mb_device_restore((mb_bytes){bytes, len}, &device));
    return device;
}

#endif
