/* A whole life with a server, which answers over stdin what this says on stdout: enrolment, sets, codes, a rotation, and
 * the power lost between any two steps. Arguments: the enrolment's URI, the file of the state, the form, how many codes. */
#include "check.h"

static const char *path;
static uint32_t form;
static uint64_t now = 1790000000000;

/* The device as it is after the power went. */
static mb_device *lose_power(mb_device *device) {
    mb_device_free(device);
    return load(path);
}

static void take_in(mb_device *device, char *hex) {
    static uint8_t bytes[4 * MB_MESSAGE_ROOM];
    size_t len = 0;
    for (hex[strcspn(hex, "\n")] = 0; sscanf(hex, "%2hhx", &bytes[len]) == 1; hex += 2) {
        len++;
        CHECK(len < sizeof bytes);
    }
    mb_bytes answer = {bytes, len};
    OK(mb_device_receive(device, form, answer, now));
    if (form == MB_FORM_COMPRESSED) {
        bytes[len - 1] ^= 1;
        bool is_saved;
        OK(mb_device_is_saved(device, &is_saved));
        mb_status forged = mb_device_receive(device, form, answer, now);
        CHECK(is_saved ? strcmp(mb_status_name(forged), "ok") != 0 : forged == MB_STATUS_NOT_SAVED);
    }
    save(device, path);
}

/* Sends what waits, and takes in what comes, until both are quiet. */
static void converse(mb_device *device) {
    static uint8_t bytes[MB_MESSAGE_ROOM];
    static char line[8 * MB_MESSAGE_ROOM];
    for (;;) {
        mb_buffer none = {NULL, 0, 0}, message = ROOM(bytes);
        mb_status asked = mb_device_message(device, form, &none);
        if (asked == MB_STATUS_NOTHING) {
            return;
        }
        CHECK(asked == MB_STATUS_BUFFER_TOO_SMALL && none.len > 0);
        OK(mb_device_message(device, form, &message));
        CHECK(message.len == none.len);
        EXPECT(mb_device_message(device, form, &message), MB_STATUS_NOTHING);
        printf("message ");
        for (size_t i = 0; i < none.len; i++) {
            printf("%02x", bytes[i]);
        }
        printf("\n");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "end\n") != 0) {
            take_in(device, line);
        }
    }
}

/* Takes a code, losing the power between the steps, and says it. */
static mb_device *take(mb_device *device, uint32_t wanted) {
    char text[MB_CODE_ROOM];
    mb_buffer code = ROOM(text), tiny = {(uint8_t *)text, 3, 0};
    OK(mb_device_take_code(device, 0, now));
    device = lose_power(device);
    EXPECT(mb_device_code(device, NULL, &code), MB_STATUS_NOTHING);
    OK(mb_device_take_code(device, wanted, now));
    EXPECT(mb_device_code(device, NULL, &code), MB_STATUS_NOT_SAVED);
    EXPECT(mb_device_message(device, form, &code), MB_STATUS_NOT_SAVED);
    EXPECT(mb_device_take_code(device, 0, now), MB_STATUS_NOT_SAVED);
    EXPECT(mb_device_saved(device), MB_STATUS_NOT_GIVEN);
    EXPECT(mb_device_state(device, &tiny), MB_STATUS_BUFFER_TOO_SMALL);
    EXPECT(mb_device_saved(device), MB_STATUS_NOT_GIVEN);
    save(device, path);
    EXPECT(mb_device_take_code(device, 0, now), MB_STATUS_CODE_UNREAD);
    uint32_t index = 0;
    EXPECT(mb_device_code(device, &index, &tiny), MB_STATUS_BUFFER_TOO_SMALL);
    CHECK(tiny.len == 6 + 1);
    OK(mb_device_code(device, &index, &code));
    CHECK(code.len == strlen(text));
    EXPECT(mb_device_code(device, &index, &code), MB_STATUS_NOTHING);
    printf("code %u %s\n", index, text);
    device = lose_power(device);
    EXPECT(mb_device_take_code(device, wanted, now), MB_STATUS_TAKE_ALREADY_TAKEN);
    OK(mb_device_tick(device, now));
    save(device, path);
    return device;
}

static void look(mb_device *device) {
    mb_info info;
    mb_mark mark;
    mb_event event;
    size_t codes = 0, unused = 0;
    OK(mb_device_info(device, &info));
    while (mb_device_mark(device, codes, &mark) == MB_STATUS_OK) {
        codes++;
        unused += !mark.is_used;
    }
    CHECK(unused == info.remaining && mark.index == info.highest);
    while (mb_device_event(device, &event) == MB_STATUS_OK) {
        printf("event %u\n", (unsigned)event.kind);
    }
    printf("stands phase %u epoch %u handle %u profile %u\n", info.phase, info.epoch, info.handle, info.profile);
}

int main(int count, char **words) {
    CHECK(count == 5 && mb_abi_version() == MB_ABI_VERSION);
    path = words[2];
    form = (uint32_t)atoi(words[3]);
    mb_device *device = NULL;
    OK(mb_device_enrol(words[1], 0, &device));
    mb_buffer none = {NULL, 0, 0};
    EXPECT(mb_device_message(device, form, &none), MB_STATUS_NOT_SAVED);
    save(device, path);
    EXPECT(mb_device_request_set(device, now), MB_STATUS_REQUEST_NOT_ENROLLED);
    device = lose_power(device);
    EXPECT(mb_device_message(device, form, &none), MB_STATUS_NOTHING);
    OK(mb_device_tick(device, now));
    uint64_t wake = 0;
    OK(mb_device_wake_at(device, &wake));
    CHECK(wake > now);
    converse(device);
    for (int i = 0; i < atoi(words[4]); i++) {
        device = take(device, (uint32_t)i + 1);
        converse(device);
    }
    OK(mb_device_request_rotation(device, now));
    save(device, path);
    converse(device);
    OK(mb_device_set_bearer(device, MB_BEARER_SHORT_MESSAGES));
    OK(mb_device_request_set(device, now));
    save(device, path);
    converse(device);
    OK(mb_device_request_status(device, now));
    save(device, path);
    converse(device);
    look(device);
    mb_device_free(device);
    return 0;
}
