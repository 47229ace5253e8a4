/* Runs test vectors, a line each, fields with tabs between them:
 *   run    the vector as JSON, the outcome that it states as JSON
 *   uri    a URI, the outcome's name, server, realm, label, identification code, profile
 *   typed  groups with | between them, server, realm, label, the outcome's name, the mistyped group, identification code,
 *          profile
 *   open   the vector's id, a state, a message, the name of the outcome, and what is in it:
 *          set, first index, codes with | between them; rotation, number and bytes of the key; sync, threshold, suspended
 * Prints how many there were. */
#define _GNU_SOURCE
#include "check.h"

static char *next(char **rest) {
    char *field = strsep(rest, "\t");
    CHECK(field != NULL);
    return field;
}

static void expect_text(mb_device *device, uint32_t which, const char *expected) {
    char text[256];
    mb_buffer room = ROOM(text);
    OK(mb_device_text(device, which, &room));
    CHECK(strcmp(text, expected) == 0);
}

static void expect_account(mb_device *device, char **rest) {
    mb_info info;
    char hex[17];
    OK(mb_device_info(device, &info));
    for (int i = 0; i < 8; i++) {
        snprintf(hex + 2 * i, 3, "%02x", info.id[i]);
    }
    CHECK(strcmp(hex, next(rest)) == 0);
    CHECK(info.profile == atoi(next(rest)));
}

static mb_device *uri(char **rest) {
    char *text = next(rest);
    mb_device *device = NULL;
    mb_status came = mb_device_enrol(text, 0, &device);
    char *expected = next(rest);
    if (strcmp(expected, "success") != 0) {
        CHECK(strcmp(mb_status_name(came), expected) == 0 && device == NULL);
        return NULL;
    }
    OK(came);
    expect_text(device, MB_TEXT_KIND_SERVER, next(rest));
    expect_text(device, MB_TEXT_KIND_REALM, next(rest));
    expect_text(device, MB_TEXT_KIND_LABEL, next(rest));
    expect_account(device, rest);
    return device;
}

static mb_device *typed(char **rest) {
    char *groups = next(rest), *server = next(rest), *realm = next(rest), *label = next(rest), *expected = next(rest);
    for (char *c = groups; *c != 0; c++) {
        *c = *c == '|' ? '\n' : *c;
    }
    size_t group = 99;
    mb_device *device = NULL;
    mb_status came = mb_device_enrol_typed(groups, server, realm, label, 0, &group, &device);
    CHECK(group == (size_t)atoi(next(rest)));
    if (strcmp(expected, "success") != 0) {
        CHECK(strcmp(mb_status_name(came), expected) == 0 && device == NULL);
        return NULL;
    }
    OK(came);
    expect_text(device, MB_TEXT_KIND_SERVER, server);
    expect_account(device, rest);
    return device;
}

static mb_bytes unhex(const char *hex, uint8_t *room, size_t size) {
    size_t len = 0;
    for (; sscanf(hex, "%2hhx", &room[len]) == 1; hex += 2) {
        len++;
        CHECK(len < size);
    }
    return (mb_bytes){room, len};
}

/* Says that the device is stored, and gives its state. */
static mb_buffer stored(mb_device *device) {
    static uint8_t bytes[MB_STATE_ROOM];
    mb_buffer state = ROOM(bytes);
    OK(mb_device_state(device, &state));
    OK(mb_device_saved(device));
    return state;
}

static void expect_set(mb_device *device, char **rest) {
    uint32_t index = (uint32_t)strtoul(next(rest), NULL, 10), came;
    char *codes = next(rest), *expected, text[MB_CODE_ROOM];
    while ((expected = strsep(&codes, "|")) != NULL) {
        mb_buffer code = ROOM(text);
        OK(mb_device_take_code(device, index, 1));
        stored(device);
        OK(mb_device_code(device, &came, &code));
        if (came != index || strcmp(text, expected) != 0) {
            fprintf(stderr, "code %u is %s instead of code %u, %s\n", came, text, index, expected);
            exit(1);
        }
        index++;
    }
    EXPECT(mb_device_take_code(device, 0, 1), MB_STATUS_TAKE_EMPTY);
}

static void expect_content(mb_device *device, char **rest) {
    uint8_t key[64];
    mb_buffer state = stored(device);
    mb_info info;
    OK(mb_device_info(device, &info));
    char *kind = next(rest);
    if (strcmp(kind, "set") == 0) {
        expect_set(device, rest);
    } else if (strcmp(kind, "rotation") == 0) {
        CHECK(info.phase == MB_PHASE_SWITCHING && info.epoch == strtoul(next(rest), NULL, 10));
        mb_bytes expected = unhex(next(rest), key, sizeof key);
        CHECK(memmem(state.data, state.len, expected.data, expected.len) != NULL);
    } else {
        CHECK(strcmp(kind, "sync") == 0);
        CHECK(info.threshold == strtoul(next(rest), NULL, 10) && info.is_suspended == (atoi(next(rest)) == 1));
    }
}

static mb_device *opened(char **rest) {
    static uint8_t state[MB_STATE_ROOM], message[4 * MB_MESSAGE_ROOM];
    mb_device *device = NULL;
    char *id = next(rest);
    OK(mb_device_restore(unhex(next(rest), state, sizeof state), &device));
    mb_bytes bytes = unhex(next(rest), message, sizeof message);
    mb_status came = mb_device_receive(device, MB_FORM_COMPRESSED, bytes, 1);
    char *expected = next(rest);
    if (strcmp(mb_status_name(came), expected) != 0) {
        fprintf(stderr, "%s: %s instead of %s\n", id, mb_status_name(came), expected);
        exit(1);
    }
    if (came == MB_STATUS_OK) {
        expect_content(device, rest);
    }
    return device;
}

#ifdef MB_WITH_VECTORS
static void run(char **rest) {
    static char text[1 << 17];
    char *vector = next(rest), *expected = next(rest);
    mb_buffer none = {NULL, 0, 0}, outcome = ROOM(text);
    EXPECT(mb_vector_run(vector, &none), MB_STATUS_BUFFER_TOO_SMALL);
    OK(mb_vector_run(vector, &outcome));
    CHECK(outcome.len + 1 == none.len);
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "%s\ncame: %s\nexpected: %s\n", vector, text, expected);
        exit(1);
    }
}
#endif

int main(void) {
    char *line = NULL;
    size_t room = 0;
    unsigned passed = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *rest = line, *kind = next(&rest);
        if (strcmp(kind, "uri") == 0) {
            mb_device_free(uri(&rest));
        } else if (strcmp(kind, "typed") == 0) {
            mb_device_free(typed(&rest));
        } else if (strcmp(kind, "open") == 0) {
            mb_device_free(opened(&rest));
#ifdef MB_WITH_VECTORS
        } else if (strcmp(kind, "run") == 0) {
            run(&rest);
#endif
        } else {
            CHECK(!"a line of a known kind");
        }
        passed++;
    }
    free(line);
    printf("%u passed\n", passed);
    return 0;
}
