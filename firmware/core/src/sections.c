#include "internal.h"

// The table of sections that follows an image's header; docs/image.md, section 1.

const section_t *naca_sections(const uint8_t *image, uint32_t *count)
{
    const header_t *header = (const header_t *)(const void *)image; // aligned, as the table is
    *count = header->sections;
    return (const section_t *)(const void *)(header + 1);
}

const section_t *naca_find_section(const uint8_t *image, uint32_t tag)
{
    static const section_t none = {0, 0, 0, 0};
    uint32_t left;
    const section_t *section = naca_sections(image, &left);
    for (; left != 0; left--, section++) {
        if (section->tag == tag && (section->flags & CRITICAL) != 0) {
            return section;
        }
    }
    return &none;
}

naca_status_t naca_section(const naca_image_t *image, const char *tag, const void **data,
                           uint32_t *size)
{
    if (image == NULL || image->data == NULL || tag == NULL || data == NULL || size == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    uint32_t letters;
    memcpy(&letters, tag, sizeof letters);
    const section_t *section = naca_find_section(image->data, letters);
    if (section->tag == 0) {
        return NACA_ERR_SECTION;
    }
    *data = image->data + section->offset;
    *size = section->size;
    return NACA_OK;
}
