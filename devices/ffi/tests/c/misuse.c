/* Everything that a caller may do wrong without breaking a promise of the header. Argument: a file for the state. */
#include "check.h"

static const uint8_t id[8] = {1, 2, 3, 4, 5, 6, 7, 8}, key[32] = {42};
static const uint64_t now = 1790000000000;

static mb_device *provisioned(void) {
    mb_device *device = NULL;
    OK(mb_device_provision((mb_bytes){id, 8}, (mb_bytes){key, 32}, "https://codes.example", "ship-17", "card", 7, &device));
    CHECK(device != NULL);
    return device;
}

static void null(void) {
    uint8_t bytes[8];
    uint32_t number;
    uint64_t time;
    bool is;
    mb_info info;
    mb_mark mark;
    mb_event event;
    mb_buffer room = ROOM(bytes);
    mb_bytes some = {bytes, 0};
    mb_device *device = (mb_device *)bytes;
    EXPECT(mb_device_enrol(NULL, 0, &device), MB_STATUS_NULL);
    CHECK(device == NULL);
    EXPECT(mb_device_enrol("matchbook:enrol?", 0, NULL), MB_STATUS_NULL);
    EXPECT(mb_device_enrol_typed(NULL, "", "", "", 0, NULL, &device), MB_STATUS_NULL);
    EXPECT(mb_device_provision((mb_bytes){NULL, 8}, (mb_bytes){key, 32}, "", "", "", 0, &device), MB_STATUS_NULL);
    EXPECT(mb_device_provision((mb_bytes){id, 8}, (mb_bytes){key, 32}, "", NULL, "", 0, &device), MB_STATUS_NULL);
    EXPECT(mb_device_restore((mb_bytes){NULL, 9}, &device), MB_STATUS_NULL);
    EXPECT(mb_device_restore(some, NULL), MB_STATUS_NULL);
    EXPECT(mb_device_set_bearer(NULL, MB_BEARER_DATA), MB_STATUS_NULL);
    EXPECT(mb_device_tick(NULL, now), MB_STATUS_NULL);
    EXPECT(mb_device_request_set(NULL, now), MB_STATUS_NULL);
    EXPECT(mb_device_request_rotation(NULL, now), MB_STATUS_NULL);
    EXPECT(mb_device_request_status(NULL, now), MB_STATUS_NULL);
    EXPECT(mb_device_receive(NULL, MB_FORM_COSE, some, now), MB_STATUS_NULL);
    EXPECT(mb_device_take_code(NULL, 0, now), MB_STATUS_NULL);
    EXPECT(mb_device_state(NULL, &room), MB_STATUS_NULL);
    EXPECT(mb_device_saved(NULL), MB_STATUS_NULL);
    EXPECT(mb_device_is_saved(NULL, &is), MB_STATUS_NULL);
    EXPECT(mb_device_message(NULL, MB_FORM_COSE, &room), MB_STATUS_NULL);
    EXPECT(mb_device_code(NULL, &number, &room), MB_STATUS_NULL);
    EXPECT(mb_device_event(NULL, &event), MB_STATUS_NULL);
    EXPECT(mb_device_info(NULL, &info), MB_STATUS_NULL);
    EXPECT(mb_device_text(NULL, MB_TEXT_KIND_REALM, &room), MB_STATUS_NULL);
    EXPECT(mb_device_mark(NULL, 0, &mark), MB_STATUS_NULL);
    EXPECT(mb_device_wake_at(NULL, &time), MB_STATUS_NULL);
    mb_device_free(NULL);
}

static void null_beside_a_device(const char *path) {
    mb_device *device = provisioned();
    EXPECT(mb_device_state(device, NULL), MB_STATUS_NULL);
    mb_buffer nowhere = {NULL, MB_STATE_ROOM, 0};
    EXPECT(mb_device_state(device, &nowhere), MB_STATUS_NULL);
    EXPECT(mb_device_saved(device), MB_STATUS_NOT_GIVEN);
    EXPECT(mb_device_is_saved(device, NULL), MB_STATUS_NULL);
    EXPECT(mb_device_info(device, NULL), MB_STATUS_NULL);
    EXPECT(mb_device_text(device, MB_TEXT_KIND_REALM, NULL), MB_STATUS_NULL);
    save(device, path);
    EXPECT(mb_device_message(device, MB_FORM_COSE, NULL), MB_STATUS_NULL);
    EXPECT(mb_device_message(device, MB_FORM_COSE, &nowhere), MB_STATUS_NULL);
    EXPECT(mb_device_receive(device, MB_FORM_COSE, (mb_bytes){NULL, 1}, now), MB_STATUS_NULL);
    OK(mb_device_receive(device, MB_FORM_COSE, (mb_bytes){NULL, 0}, now));
    EXPECT(mb_device_event(device, NULL), MB_STATUS_NULL);
    uint8_t bytes[MB_MESSAGE_ROOM];
    mb_buffer message = ROOM(bytes);
    OK(mb_device_message(device, MB_FORM_COSE, &message));
    mb_device_free(device);
}

static void nonsense(const char *path) {
    mb_device *device = (mb_device *)&id;
    size_t group = 77;
    EXPECT(mb_device_enrol("https://example.org", 0, &device), MB_STATUS_ENROLMENT_SCHEME);
    CHECK(device == NULL);
    EXPECT(mb_device_enrol("\xff\xfe", 0, &device), MB_STATUS_NOT_UTF8);
    EXPECT(mb_device_enrol_typed("0419YW\n0X1RBW", "", "", "", 0, &group, &device), MB_STATUS_ENROLMENT_GROUP_COUNT);
    CHECK(group == 0);
    EXPECT(mb_device_provision((mb_bytes){id, 7}, (mb_bytes){key, 32}, "", "", "", 0, &device), MB_STATUS_LENGTH);
    EXPECT(mb_device_provision((mb_bytes){id, 8}, (mb_bytes){key, 31}, "", "", "", 0, &device), MB_STATUS_LENGTH);
    EXPECT(mb_device_restore((mb_bytes){id, 8}, &device), MB_STATUS_STATE_DAMAGED);
    EXPECT(mb_device_restore((mb_bytes){NULL, 0}, &device), MB_STATUS_STATE_DAMAGED);
    EXPECT(mb_device_restore((mb_bytes){id, SIZE_MAX}, &device), MB_STATUS_LENGTH);
    CHECK(device == NULL);

    static uint8_t bytes[2 * MB_STATE_ROOM];
    EXPECT(mb_device_restore((mb_bytes){bytes, sizeof bytes}, &device), MB_STATUS_STATE_TOO_LONG);
    device = provisioned();
    save(device, path);
    mb_buffer room = ROOM(bytes);
    EXPECT(mb_device_set_bearer(device, 3), MB_STATUS_CHOICE);
    EXPECT(mb_device_message(device, 0, &room), MB_STATUS_CHOICE);
    EXPECT(mb_device_text(device, 9, &room), MB_STATUS_CHOICE);
    EXPECT(mb_device_receive(device, 3, (mb_bytes){id, 8}, now), MB_STATUS_CHOICE);
    EXPECT(mb_device_receive(device, MB_FORM_COSE, (mb_bytes){id, 8}, now), MB_STATUS_BODY);
    EXPECT(mb_device_receive(device, MB_FORM_COSE, (mb_bytes){bytes, sizeof bytes}, now), MB_STATUS_BODY);
    EXPECT(mb_device_receive(device, MB_FORM_COMPRESSED, (mb_bytes){bytes, sizeof bytes}, now), MB_STATUS_BODY);
    EXPECT(mb_device_receive(device, MB_FORM_COMPRESSED, (mb_bytes){id, 8}, now), MB_STATUS_PEER_MALFORMED);
    EXPECT(mb_device_receive(device, MB_FORM_COMPRESSED, (mb_bytes){NULL, 0}, now), MB_STATUS_PEER_MALFORMED);
    EXPECT(mb_device_take_code(device, 0, now), MB_STATUS_TAKE_EMPTY);
    EXPECT(mb_device_take_code(device, 5, now), MB_STATUS_TAKE_NOT_HELD);
    EXPECT(mb_device_code(device, NULL, &room), MB_STATUS_NOTHING);
    bool is_saved = false;
    OK(mb_device_is_saved(device, &is_saved));
    CHECK(is_saved);
    mb_device_free(device);
}

/* Whatever garbage comes, nothing breaks. */
static void noise(const char *path) {
    mb_device *device = provisioned();
    save(device, path);
    uint8_t bytes[200];
    uint32_t seed = 1;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        mb_bytes noise = {bytes, seed % sizeof bytes};
        mb_device *none = NULL;
        CHECK(mb_device_receive(device, MB_FORM_COMPRESSED, noise, now) != MB_STATUS_INTERNAL);
        CHECK(mb_device_receive(device, MB_FORM_COSE, noise, now) != MB_STATUS_INTERNAL);
        CHECK(mb_device_restore(noise, &none) != MB_STATUS_OK && none == NULL);
    }
    mb_device_free(device);
}

static void statuses(void) {
    CHECK(strcmp(mb_status_name(MB_STATUS_PEER_FORGED), "forged") == 0);
    CHECK(strlen(mb_status_text(MB_STATUS_BUFFER_TOO_SMALL)) > 10);
    CHECK(strcmp(mb_status_name(UINT32_MAX), "unknown") == 0);
}

static void texts(void) {
    mb_device *device = provisioned();
    char text[256];
    mb_buffer room = ROOM(text), tiny = {(uint8_t *)text, 7, 0};
    EXPECT(mb_device_text(device, MB_TEXT_KIND_REALM, &tiny), MB_STATUS_BUFFER_TOO_SMALL);
    CHECK(tiny.len == 8);
    OK(mb_device_text(device, MB_TEXT_KIND_REALM, &room));
    CHECK(strcmp(text, "ship-17") == 0 && room.len == 7);
    OK(mb_device_text(device, MB_TEXT_KIND_LABEL, &room));
    CHECK(strcmp(text, "card") == 0);
    OK(mb_device_text(device, MB_TEXT_KIND_SERVER, &room));
    CHECK(strcmp(text, "https://codes.example") == 0);
    mb_device_free(device);
}

int main(int count, char **words) {
    CHECK(count == 2);
    null();
    null_beside_a_device(words[1]);
    nonsense(words[1]);
    noise(words[1]);
    statuses();
    texts();
    return 0;
}
