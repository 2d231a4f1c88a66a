#include "internal.h"

// What a record of an image may hold, field by field. The tables lie where the records are used.

bool naca_fields_fit(const void *record, const field_t *fields, size_t count)
{
    for (const field_t *field = fields; field < fields + count; field++) {
        const uint8_t *at = (const uint8_t *)record + field->offset;
        const uint32_t form = field->form & LOW;
        const uint32_t type = field->form & ~(uint32_t)LOW;
        int32_t limit = field->limit;
        int32_t value;
        if (type == I32) {
            memcpy(&value, at, 4);
            limit *= (int32_t)1 << STEP;
        } else if (type == U16) {
            value = at[0] | (int32_t)at[1] << 8;
        } else if (type == I8) {
            value = (int8_t)*at; // NOLINT(*-signed-char-misuse,cert-str34-c): it has a sign
        } else {
            value = *at;
        }
        if (value > limit || value < (form == SYMMETRIC ? -limit : (int32_t)form)) {
            return false;
        }
    }
    return true;
}
