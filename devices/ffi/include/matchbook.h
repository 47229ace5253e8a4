/* The device library of Matchbook: sets of one-time codes that are sealed to a device.
 *
 * Bytes in, bytes out: you carry the messages, keep the state, and say what time it is. One account is one mb_device.
 *
 *   1. Call something: mb_device_enrol, mb_device_receive, mb_device_take_code, mb_device_tick, ...
 *   2. Store: mb_device_state, write the bytes and flush them, mb_device_saved. After every call; when the account did
 *      not change, it costs a write and nothing else, and mb_device_is_saved spares you that.
 *   3. Fetch: mb_device_message, and send it; mb_device_code, and show it; mb_device_event. All of this is refused with
 *      MB_STATUS_NOT_SAVED before step 2 is done.
 *
 * Every function but mb_device_free, mb_abi_version and the two about statuses gives an mb_status; what it may be stands
 * with the function. After an error all is as it was, where nothing else is said.
 *
 * What you promise: a pointer is NULL or points at what its type says, bytes and room being as long as the length beside
 * it, and it stays valid during the call; an mb_device comes from this library and was not freed. What is NULL, too short,
 * too long or nonsense besides is refused. Any number of threads may use a device, but for freeing it.
 *
 * This file is made by cbindgen. Do not edit it. */


#ifndef MATCHBOOK_H
#define MATCHBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of this interface. A library of another one does not fit: see mb_abi_version.
#define MB_ABI_VERSION 1

// Room for every state, in bytes.
#define MB_STATE_ROOM 16384

// Room for every message, in either form, in bytes.
#define MB_MESSAGE_ROOM 4096

// Room for every code, in bytes, with the NUL behind it.
#define MB_CODE_ROOM 13

// What a call came to. Numbers do not change; new ones may come.
enum mb_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is done.
  MB_STATUS_OK = 0,
  // There is nothing to give. No error: a loop ends here.
  MB_STATUS_NOTHING = 1,
  // The account has changed: mb_device_state, store what it gives, mb_device_saved, and again.
  MB_STATUS_NOT_SAVED = 2,
  // The account has changed since mb_device_state: fetch and store it.
  MB_STATUS_NOT_GIVEN = 3,
  // The code that was taken last was not read yet: mb_device_code.
  MB_STATUS_CODE_UNREAD = 4,
  // The buffer is too small: its len says how much room is needed. Nothing is lost; call again.
  MB_STATUS_BUFFER_TOO_SMALL = 5,
  // A pointer is NULL that must not be.
  MB_STATUS_NULL = 6,
  // A length is not what it must be.
  MB_STATUS_LENGTH = 7,
  // A text is not UTF-8.
  MB_STATUS_NOT_UTF8 = 8,
  // A number names nothing to choose from.
  MB_STATUS_CHOICE = 9,
  // The operating system gives no random bytes. Nothing was done.
  MB_STATUS_NO_RANDOMNESS = 10,
  // A bug of the library: free the device, restore the state that you stored last, and report it.
  MB_STATUS_INTERNAL = 11,
  // The bytes are not what a server answers by HTTP.
  MB_STATUS_BODY = 12,
  // The enrolment URI is too long.
  MB_STATUS_ENROLMENT_TOO_LONG = 20,
  // An enrolment starts with matchbook:enrol?.
  MB_STATUS_ENROLMENT_SCHEME = 21,
  // The enrolment is of another version.
  MB_STATUS_ENROLMENT_VERSION = 22,
  // The enrolment has an unknown parameter.
  MB_STATUS_ENROLMENT_PARAMETER = 23,
  // The enrolment has a parameter twice.
  MB_STATUS_ENROLMENT_DUPLICATE = 24,
  // The enrolment lacks a parameter.
  MB_STATUS_ENROLMENT_MISSING = 25,
  // The enrolment has a wrong percent escape.
  MB_STATUS_ENROLMENT_PERCENT = 26,
  // The enrolment's key is not whole.
  MB_STATUS_ENROLMENT_KEY = 27,
  // The enrolment names an unknown profile.
  MB_STATUS_ENROLMENT_PROFILE = 28,
  // The server must be an http or https URL of at most 255 bytes, or sms: and a number (not for suite 4).
  MB_STATUS_ENROLMENT_SERVER = 29,
  // The realm must be printable and of at most 64 bytes.
  MB_STATUS_ENROLMENT_REALM = 30,
  // The label must be printable and of at most 128 bytes.
  MB_STATUS_ENROLMENT_LABEL = 31,
  // There are not nine groups.
  MB_STATUS_ENROLMENT_GROUP_COUNT = 32,
  // A group is mistyped.
  MB_STATUS_ENROLMENT_GROUP = 33,
  // The enrolment's realm, label or server address is too long.
  MB_STATUS_ENROL_TEXT_TOO_LONG = 40,
  // No key pair of the enrolment's suite could be made, or this build has not got the suite.
  MB_STATUS_ENROL_KEY_PAIR = 41,
  // The enrolment could not be sealed.
  MB_STATUS_ENROL_SEAL_FAILED = 42,
  // The realm, label or server address is too long.
  MB_STATUS_PROVISION_TEXT_TOO_LONG = 45,
  // A key from the factory is of suite 1.
  MB_STATUS_PROVISION_SUITE = 46,
  // The first request could not be sealed.
  MB_STATUS_PROVISION_SEAL_FAILED = 47,
  // The stored account is longer than any account.
  MB_STATUS_STATE_TOO_LONG = 50,
  // The account was stored by a newer release.
  MB_STATUS_STATE_VERSION = 51,
  // The stored account is damaged.
  MB_STATUS_STATE_DAMAGED = 52,
  // The bytes are not a message of this protocol.
  MB_STATUS_PEER_MALFORMED = 60,
  // The message is for another account of this device.
  MB_STATUS_PEER_NOT_OURS = 61,
  // The account's profile has no message of this type.
  MB_STATUS_PEER_WRONG_KIND = 62,
  // The message is under a key that this device does not hold.
  MB_STATUS_PEER_UNKNOWN_KEY = 63,
  // The message does not verify under the key that it names.
  MB_STATUS_PEER_FORGED = 64,
  // The message is under the key that is being replaced.
  MB_STATUS_PEER_OLD_KEY = 65,
  // The set's indexes are older than what this device holds.
  MB_STATUS_PEER_STALE = 66,
  // The server sealed a content that the protocol forbids.
  MB_STATUS_PEER_INVALID = 67,
  // The server sent other codes under indexes that this device already holds.
  MB_STATUS_PEER_SET_CONFLICT = 68,
  // The server offered another key than the one that is being switched to.
  MB_STATUS_PEER_KEY_CONFLICT = 69,
  // The set would exceed the number of codes that this device keeps.
  MB_STATUS_PEER_TOO_MANY_CODES = 70,
  // This device's state is older than what the server knows; enrol it again.
  MB_STATUS_PEER_DEVICE_RESTORED = 71,
  // This account can send no more requests; enrol it again.
  MB_STATUS_PEER_COUNTERS_USED_UP = 72,
  // The answer could not be sealed.
  MB_STATUS_PEER_SEAL_FAILED = 73,
  // The server has not confirmed the enrolment yet: only the message that enrols is to be sent.
  MB_STATUS_REQUEST_NOT_ENROLLED = 80,
  // The device holds as many unused codes as it keeps.
  MB_STATUS_REQUEST_HOLDS_ENOUGH = 81,
  // This account can send no more requests; enrol it again.
  MB_STATUS_REQUEST_COUNTERS_USED_UP = 82,
  // The request could not be sealed.
  MB_STATUS_REQUEST_SEAL_FAILED = 83,
  // No unused code is left.
  MB_STATUS_TAKE_EMPTY = 90,
  // The device holds no code with this index.
  MB_STATUS_TAKE_NOT_HELD = 91,
  // The code with this index was taken before.
  MB_STATUS_TAKE_ALREADY_TAKEN = 92,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_status mb_status;
#else
typedef uint32_t mb_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happened.
enum mb_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The server confirmed the enrolment.
  MB_EVENT_KIND_ENROLLED = 1,
  // A new set is held: `first`, `last`, `count`; `dropped` unused codes of older ones went.
  MB_EVENT_KIND_SET_ACCEPTED = 2,
  // A set was refused that has indexes which are held already, with other codes: `first`, `last`. Tell the operator.
  MB_EVENT_KIND_SET_CONFLICT = 3,
  // The key was replaced, and the old one is erased: `epoch`.
  MB_EVENT_KIND_KEY_REPLACED = 4,
  // Another key was offered than the one that is being switched to; refused. Tell the operator.
  MB_EVENT_KIND_KEY_CONFLICT = 5,
  // Few codes are left: `remaining`.
  MB_EVENT_KIND_RUNNING_LOW = 6,
  // The server suspended the authenticator: its codes are refused for now, and no sets come.
  MB_EVENT_KIND_SUSPENDED = 7,
  // The suspension is over.
  MB_EVENT_KIND_RESUMED = 8,
  // The state is older than what the server knows of the device, as after a restored backup: enrol it again.
  MB_EVENT_KIND_REENROLMENT_NEEDED = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_event_kind mb_event_kind;
#else
typedef uint32_t mb_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Where an account stands.
enum mb_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Waiting for the server to confirm the enrolment.
  MB_PHASE_ENROLLING = 1,
  // In use.
  MB_PHASE_STEADY = 2,
  // In use, and on the way from one key to the next.
  MB_PHASE_SWITCHING = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_phase mb_phase;
#else
typedef uint32_t mb_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a message is laid out.
enum mb_form
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The compressed form: one message, as it goes by SMS or a bearer of your own.
  MB_FORM_COMPRESSED = 1,
  // COSE, as it goes by HTTP: one message as the body of the request (application/cose), none to four as the body of
  // the answer (application/cbor-seq).
  MB_FORM_COSE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_form mb_form;
#else
typedef uint32_t mb_form;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What carries the messages, which sets how eagerly the device sends by itself.
enum mb_bearer
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Free and quick: what is not answered is sent again after 5 s, then ever less often, down to every 15 minutes.
  MB_BEARER_DATA = 1,
  // SMS: after 1 minute, then down to every 6 hours, and no message that can be saved.
  MB_BEARER_SHORT_MESSAGES = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_bearer mb_bearer;
#else
typedef uint32_t mb_bearer;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A text of the enrolment.
enum mb_text_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The server's base URL, "sms:" and a number, or nothing; at most 255 bytes.
  MB_TEXT_KIND_SERVER = 1,
  // The realm; at most 64 bytes.
  MB_TEXT_KIND_REALM = 2,
  // What the account is called; at most 128 bytes.
  MB_TEXT_KIND_LABEL = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mb_text_kind mb_text_kind;
#else
typedef uint32_t mb_text_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A device: one account at work. Any number of threads may use it, one after the other waits.
typedef struct mb_device mb_device;

// A UTF-8 text with a NUL behind it, which the library reads during the call.
typedef const char *mb_text;

// Bytes that the library reads during the call. `data` may be NULL when `len` is 0.
typedef struct mb_bytes {
  // The first byte.
  const uint8_t *data;
  // How many there are.
  size_t len;
} mb_bytes;

// Room that the library writes into. `data` may be NULL when `room` is 0: that asks how much is needed.
typedef struct mb_buffer {
  // The first byte.
  uint8_t *data;
  // How many bytes there is room for.
  size_t room;
  // Set by the library: how many bytes it wrote; with MB_STATUS_BUFFER_TOO_SMALL, how much room it needs.
  size_t len;
} mb_buffer;

// Something that the user or the operator should know. What `kind` does not name is 0.
typedef struct mb_event {
  // What happened.
  mb_event_kind kind;
  // The index of a set's first code.
  uint32_t first;
  // The index of its last code.
  uint32_t last;
  // How many codes it has, 1 to 250.
  uint32_t count;
  // How many unused codes were dropped.
  uint32_t dropped;
  // The number of a key.
  uint32_t epoch;
  // How many unused codes are left.
  uint32_t remaining;
} mb_event;

// What may be known of an account.
typedef struct mb_info {
  // Where it stands.
  mb_phase phase;
  // How many unused codes are held, 0 to 250.
  uint32_t remaining;
  // The highest index ever held; 0 before the first set.
  uint32_t highest;
  // The number of the key that the device sends under: 0 until the first rotation.
  uint32_t epoch;
  // A set is asked for when this many unused codes are left or fewer, 0 to 63.
  uint32_t threshold;
  // The identification code.
  uint8_t id[8];
  // The profile's byte: the suite, and 128 in public-key mode.
  uint8_t profile;
  // Your number for the account.
  uint8_t handle;
  // Whether the server said that the authenticator is suspended.
  bool is_suspended;
  // Whether a message to the server waits for its answer.
  bool awaits_answer;
} mb_info;

// A code's place in the list that a user sees.
typedef struct mb_mark {
  // Its index.
  uint32_t index;
  // Whether it was taken.
  bool is_used;
} mb_mark;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Begins an account from an enrolment's URI, "matchbook:enrol?...". `handle` is your own number for the account, 0 to 255:
// where several accounts share a bearer, messages carry it. The device is then to be stored, and has a message to send.
//
// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_ENROLMENT_...: the text is no enrolment; MB_STATUS_ENROL_...: it cannot be begun;
// MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL. With an error, *device is NULL.
mb_status mb_device_enrol(mb_text uri,
                          uint8_t handle,
                          struct mb_device **device);

// As mb_device_enrol, from the typed form of an enrolment: its nine groups with a line feed between them, and what they
// leave out. Spaces, dashes and case do not count. `group` may be NULL; with MB_STATUS_ENROLMENT_GROUP it is set to the number
// of the mistyped group, 1 to 9, and to 0 otherwise.
//
// The errors are those of mb_device_enrol.
mb_status mb_device_enrol_typed(mb_text groups,
                                mb_text server,
                                mb_text realm,
                                mb_text label,
                                uint8_t handle,
                                size_t *group,
                                struct mb_device **device);

// Begins an account whose key was put into the device where it was made: `id` is the identification code, 8 bytes, `key`
// K_0, 32 bytes. The suite is 1. Wipe your copy of the key. The device is then to be stored, and has a message to send.
//
// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_LENGTH: the id or key has another length; MB_STATUS_PROVISION_...; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
// With an error, *device is NULL.
mb_status mb_device_provision(struct mb_bytes id,
                              struct mb_bytes key,
                              mb_text server,
                              mb_text realm,
                              mb_text label,
                              uint8_t handle,
                              struct mb_device **device);

// Goes on from what mb_device_state gave. A message that waited for its answer comes again after the first
// mb_device_tick.
//
// MB_STATUS_NULL; MB_STATUS_LENGTH; MB_STATUS_STATE_...: the bytes are no state; MB_STATUS_INTERNAL. With an error, *device is NULL.
mb_status mb_device_restore(struct mb_bytes state,
                            struct mb_device **device);

// Frees a device and wipes its keys and codes. NULL is left alone. No thread may be using it, and it must not be used
// again.
void mb_device_free(struct mb_device *device);

// Sets what carries the messages, an mb_bearer. It is not stored; MB_BEARER_DATA until it is set.
//
// MB_STATUS_NULL; MB_STATUS_CHOICE: no such bearer; MB_STATUS_INTERNAL.
mb_status mb_device_set_bearer(const struct mb_device *device, uint32_t bearer);

// Lets time pass: what was not answered is to be sent again when it is due, and a set is asked for when few codes are
// left. Call it after mb_device_restore, when mb_device_wake_at says so, and now and then.
//
// `now_ms` is the time in milliseconds since 1970 by your clock, here and everywhere. Codes and keys do not depend on it.
//
// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
mb_status mb_device_tick(const struct mb_device *device,
                         uint64_t now_ms);

// Asks for a set because the user wants one. When one is asked for already, that message is to be sent again.
//
// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_REQUEST_...: why none was asked for; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
mb_status mb_device_request_set(const struct mb_device *device,
                                uint64_t now_ms);

// Asks for a new key because the user wants one.
//
// The errors are those of mb_device_request_set.
mb_status mb_device_request_rotation(const struct mb_device *device, uint64_t now_ms);

// Says what the device holds, and so learns whether the server has anything for it.
//
// The errors are those of mb_device_request_set.
mb_status mb_device_request_status(const struct mb_device *device, uint64_t now_ms);

// Takes in what came from the server, in an mb_form. Whoever sent it: it is checked.
//
// MB_STATUS_NULL; MB_STATUS_LENGTH; MB_STATUS_CHOICE: no such form; MB_STATUS_NOT_SAVED; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL. MB_STATUS_BODY: the bytes are not
// what a server answers by HTTP, or more than any answer; none of it was taken in. MB_STATUS_PEER_...: why a message was refused, the first of those that
// were. Go on as if it had not come; but the account may have changed nevertheless (mb_device_is_saved).
mb_status mb_device_receive(const struct mb_device *device,
                            uint32_t form,
                            struct mb_bytes message,
                            uint64_t now_ms);

// Takes a code: the unused one with the lowest index when `index` is 0, or else the one with that index. It is used from
// now on, whatever becomes of it. mb_device_code gives it when the account is stored.
//
// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_CODE_UNREAD; MB_STATUS_TAKE_...: why none was taken; MB_STATUS_NO_RANDOMNESS; MB_STATUS_INTERNAL.
mb_status mb_device_take_code(const struct mb_device *device,
                              uint32_t index,
                              uint64_t now_ms);

// The state that is to be stored, at most MB_STATE_ROOM bytes. It holds every key and code in clear: seal it where others
// can read what you store, and wipe the buffer.
//
// Each call of the library that changes the account makes it unsaved. Then everything but this, mb_device_saved, looking
// and freeing is refused with MB_STATUS_NOT_SAVED: no message, code or event gets out that rests on a state which a power cut
// could undo. When you cannot store it, free the device and restore the state that you stored last, or try again.
//
// MB_STATUS_NULL; MB_STATUS_BUFFER_TOO_SMALL: the state counts as not fetched; MB_STATUS_INTERNAL.
mb_status mb_device_state(const struct mb_device *device,
                          struct mb_buffer *state);

// Says that what mb_device_state gave last is stored durably: written, and flushed to where a power cut leaves it.
//
// MB_STATUS_NULL; MB_STATUS_NOT_GIVEN: the account has changed since mb_device_state; MB_STATUS_INTERNAL.
mb_status mb_device_saved(const struct mb_device *device);

// Sets *is_saved to whether the account is stored as it stands.
//
// MB_STATUS_NULL; MB_STATUS_INTERNAL.
mb_status mb_device_is_saved(const struct mb_device *device, bool *is_saved);

// Gives the message that is to be sent now, in an mb_form, once: at most MB_MESSAGE_ROOM bytes. When no answer comes,
// mb_device_tick makes it come again.
//
// MB_STATUS_NULL; MB_STATUS_CHOICE: no such form; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: there is none; MB_STATUS_BUFFER_TOO_SMALL: it is still there;
// MB_STATUS_INTERNAL.
mb_status mb_device_message(const struct mb_device *device,
                            uint32_t form,
                            struct mb_buffer *message);

// Gives the code that was taken, once, with a NUL behind it: at most MB_CODE_ROOM bytes. Show it, and wipe the buffer.
// `index` may be NULL.
//
// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: none was taken, or it was given; MB_STATUS_BUFFER_TOO_SMALL: it is still there;
// MB_STATUS_INTERNAL.
mb_status mb_device_code(const struct mb_device *device,
                         uint32_t *index,
                         struct mb_buffer *code);

// Gives the oldest event that was not given yet. 32 are kept; a device whose events nobody reads loses the oldest.
//
// MB_STATUS_NULL; MB_STATUS_NOT_SAVED; MB_STATUS_NOTHING: there is none; MB_STATUS_INTERNAL.
mb_status mb_device_event(const struct mb_device *device,
                          struct mb_event *event);

// The version of the interface that the library has. Compare it with MB_ABI_VERSION, which your program was built with.
uint32_t mb_abi_version(void);

// What a status means, as one English sentence with a NUL behind it. It is constant: do not free it.
const char *mb_status_text(uint32_t status);

// A status's short name, as the protocol and its test vectors have it where they name it: "forged". Two statuses whose
// constants begin differently may share one. It is constant: do not free it.
const char *mb_status_name(uint32_t status);

// Says what may be known of the account.
//
// MB_STATUS_NULL; MB_STATUS_INTERNAL.
mb_status mb_device_info(const struct mb_device *device, struct mb_info *info);

// Gives an mb_text_kind of the enrolment, with a NUL behind it.
//
// MB_STATUS_NULL; MB_STATUS_CHOICE: no such text; MB_STATUS_BUFFER_TOO_SMALL; MB_STATUS_INTERNAL.
mb_status mb_device_text(const struct mb_device *device, uint32_t which, struct mb_buffer *text);

// Gives the code's place that is at `position` in the list, from 0. Used codes stay in it until a newer set comes.
//
// MB_STATUS_NULL; MB_STATUS_NOTHING: the list is shorter; MB_STATUS_INTERNAL.
mb_status mb_device_mark(const struct mb_device *device,
                         size_t position,
                         struct mb_mark *mark);

// Says when mb_device_tick is to be called next, in milliseconds since 1970.
//
// MB_STATUS_NULL; MB_STATUS_NOTHING: no message waits for its answer; MB_STATUS_INTERNAL.
mb_status mb_device_wake_at(const struct mb_device *device, uint64_t *wake_ms);

#if defined(MB_WITH_VECTORS)
// Runs a test vector, the text of a file of vectors/, and gives its outcome as the library finds it, as JSON with a NUL
// behind it: {"expect":...,"output":...}, sorted by name, nothing spaced.
//
// Only a library that was built with `--features vectors` has it, and such a library gives bare keys away: for tests of a
// build, never for a device.
//
// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_BODY: the text is no vector; MB_STATUS_BUFFER_TOO_SMALL; MB_STATUS_INTERNAL.
mb_status mb_vector_run(mb_text vector,
                        struct mb_buffer *outcome);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MATCHBOOK_H */
