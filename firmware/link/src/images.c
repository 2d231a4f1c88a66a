#include "internal.h"

// IMAGE_BEGIN, IMAGE_CHUNK, IMAGE_END and IMAGE_READ; section 5.

enum { IMAGE_HEADER = 16 };

naca_link_status_t naca_link_check_chunk(naca_link_t *link, const naca_upload_t *upload,
                                         uint32_t offset, uint32_t size)
{
    const uint32_t next = upload->size != 0 ? upload->next : 0;
    if (upload->size == 0 || offset != next) {
        return naca_link_refuse(link, NACA_LINK_ORDER, next);
    }
    const uint32_t left = upload->size - next;
    const bool fits = size != 0 && size <= left && (size % NACA_LINK_CHUNK == 0 || size == left);
    return fits ? NACA_LINK_OK : NACA_LINK_LENGTH;
}

static naca_link_status_t memory_failed(naca_link_t *link, int reason)
{
    link->image_upload.size = 0;
    return naca_link_refuse(link, NACA_LINK_STORE, (uint32_t)reason);
}

// Where there is room for one image only, the one that runs is gone now.
static void stop_if_gone(naca_link_t *link)
{
    uint32_t size;
    if (link->core != NULL && naca_link_image(link, &size) == NULL) {
        naca_link_start(link, false);
    }
}

naca_link_status_t naca_link_image_begin(naca_link_t *link, body_t body)
{
    const naca_image_memory_t *images = link->config->images;
    naca_upload_t *upload = &link->image_upload;
    const uint32_t size = get32(body.data);
    const uint32_t crc = get32(body.data + 4);
    const uint32_t room = naca_link_image_room(link);
    if (size > room || size < IMAGE_HEADER) {
        return size < IMAGE_HEADER ? NACA_LINK_LENGTH
                                   : naca_link_refuse(link, NACA_LINK_TOO_LARGE, room);
    }
    if (upload->size != size || upload->crc != crc) {
        const int failed = images->begin(images->user, size);
        stop_if_gone(link);
        if (failed != 0) {
            return memory_failed(link, failed);
        }
        upload->size = size;
        upload->crc = crc;
        upload->next = 0;
    }
    naca_link_put32(link, upload->next);
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_image_chunk(naca_link_t *link, body_t body)
{
    const naca_image_memory_t *images = link->config->images;
    naca_upload_t *upload = &link->image_upload;
    const uint32_t offset = get32(body.data);
    const uint32_t size = body.size - 4u;
    const naca_link_status_t status = naca_link_check_chunk(link, upload, offset, size);
    if (status != NACA_LINK_OK) {
        return status;
    }
    const int failed = images->write(images->user, offset, body.data + 4, size);
    if (failed != 0) {
        return memory_failed(link, failed);
    }
    upload->next += size;
    naca_link_put32(link, upload->next);
    return NACA_LINK_OK;
}

static naca_status_t check_uploaded(const naca_link_t *link, uint32_t size, uint32_t crc)
{
    const naca_image_memory_t *images = link->config->images;
    naca_image_t image;
    uint32_t workspace;
    naca_status_t status =
        naca_image_open_with(naca_all_stages(), &image, images->uploaded(images->user), size);
    if (status == NACA_OK) {
        status = naca_workspace_size(&image, &workspace);
    }
    if (status == NACA_OK && image_crc(&image) != crc) {
        status = NACA_ERR_CHECKSUM;
    }
    if (status == NACA_OK && workspace > link->config->workspace_size) {
        status = NACA_ERR_WORKSPACE;
    }
    return status;
}

naca_link_status_t naca_link_image_end(naca_link_t *link, body_t body)
{
    const naca_image_memory_t *images = link->config->images;
    naca_upload_t *upload = &link->image_upload;
    const uint32_t size = upload->size;
    if (size == 0 || upload->next != size) {
        return naca_link_refuse(link, NACA_LINK_ORDER, size != 0 ? upload->next : 0);
    }
    upload->size = 0; // done, or to be sent anew
    const naca_status_t status = check_uploaded(link, size, upload->crc);
    if (status != NACA_OK) {
        return naca_link_refuse_core(link, status);
    }
    const int failed = images->commit(images->user, size);
    if (failed != 0) {
        return memory_failed(link, failed);
    }
    naca_link_start(link, true);
    return naca_link_hello(link, body);
}

naca_link_status_t naca_link_image_read(naca_link_t *link, body_t body)
{
    uint32_t total = 0;
    const uint32_t offset = get32(body.data);
    uint32_t size = get16(body.data + 4);
    const uint8_t *image = naca_link_image(link, &total);
    if (image == NULL) {
        return naca_link_refuse(link, NACA_LINK_NO_IMAGE, 0);
    }
    uint8_t *data = naca_link_window(link, total, offset, &size);
    if (size > 0) {
        memcpy(data, image + offset, size);
    }
    return NACA_LINK_OK;
}
