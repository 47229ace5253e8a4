/* Frees nothing: valgrind has to say so. */
#include "check.h"

int main(void) {
    static const uint8_t id[8], key[32];
    mb_device *device = NULL;
    OK(mb_device_provision((mb_bytes){id, 8}, (mb_bytes){key, 32}, "", "", "", 0, &device));
    device = NULL;
    return 0;
}
