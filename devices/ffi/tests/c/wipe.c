/* No block of memory that the library gives back holds a key or a code. Linked statically, with --wrap for free and
 * realloc. Arguments: the file of a state whose key is 32 bytes 0xC3. */
#include "check.h"

#include <malloc.h>

static uint8_t key[32];
static char text[MB_CODE_ROOM];
static size_t seen, blocks;

void __real_free(void *block);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static int holds(const void *block, const void *bytes, size_t len) {
    return memmem(block, malloc_usable_size((void *)block), bytes, len) != NULL;
}

void __wrap_free(void *block) {
    if (block != NULL) {
        blocks++;
        seen += holds(block, key, sizeof key) || (text[0] != 0 && holds(block, text, strlen(text)));
    }
    __real_free(block);
}

void *__wrap_realloc(void *block, size_t size) {
    void *moved = malloc(size);
    CHECK(moved != NULL);
    size_t old = block == NULL ? 0 : malloc_usable_size(block);
    memcpy(moved, block == NULL ? moved : block, old < size ? old : size);
    __wrap_free(block);
    return moved;
}

int main(int count, char **words) {
    CHECK(count == 2);
    memset(key, 0xC3, sizeof key);
    uint8_t *planted = malloc(64);
    memcpy(planted + 10, key, sizeof key);
    __wrap_free(planted);
    CHECK(seen == 1);
    seen = blocks = 0;

    static const uint8_t id[8];
    mb_device *device = NULL;
    OK(mb_device_provision((mb_bytes){id, 8}, (mb_bytes){key, 32}, "", "", "", 0, &device));
    static uint8_t bytes[MB_STATE_ROOM];
    mb_buffer state = ROOM(bytes), tiny = {bytes, 9, 0};
    EXPECT(mb_device_state(device, &tiny), MB_STATUS_BUFFER_TOO_SMALL);
    OK(mb_device_state(device, &state));
    mb_device_free(device);
    CHECK(seen == 0);

    device = load(words[1]);
    OK(mb_device_request_rotation(device, 1790000000000));
    save(device, words[1]);
    OK(mb_device_take_code(device, 0, 1790000000000));
    save(device, words[1]);
    mb_buffer code = ROOM(text);
    OK(mb_device_code(device, NULL, &code));
    mb_device_free(device);
    memset(bytes, 0, sizeof bytes);
    mb_device *none = NULL;
    EXPECT(mb_device_restore((mb_bytes){bytes, 40}, &none), MB_STATUS_STATE_DAMAGED);
    CHECK(blocks > 20);
    printf("%zu of %zu blocks\n", seen, blocks);
    return seen != 0;
}
