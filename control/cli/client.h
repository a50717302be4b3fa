// SPDX-License-Identifier: BSD-3-Clause
// Asks t0xd.
#pragma once

#include <jansson.h>

extern const char *client_socket; // where t0xd listens

// Call a method; takes 'params'. Returns its result, or NULL when there is none: what was refused,
// or why t0xd could not be asked, has been printed then.
json_t *client_call(const char *method, json_t *params);

// The same for a long request, of which t0xd tells how far it has got.
typedef void client_notice(const json_t *params);
json_t *client_call_long(const char *method, json_t *params, client_notice *notice);

// The same for methods that answer a list, an object.
json_t *client_list(const char *method, json_t *params);
json_t *client_object(const char *method, json_t *params);
