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
