// SPDX-License-Identifier: BSD-3-Clause
// What cppcheck must know of headers that it does not read.
#pragma once

#define SEC(name)

#define json_array_foreach(array, index, value) \
	for (index = 0; (value = json_array_get(array, index)) != NULL; index++)
#define json_object_foreach(object, key, value) \
	for (void *it = json_object_iter(object); \
	     it && (key = json_object_iter_key(it)) && (value = json_object_iter_value(it)); \
	     it = json_object_iter_next(object, it))
