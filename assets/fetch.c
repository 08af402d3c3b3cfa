#include "assets/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 5,
    WAIT_MS = 250, /* before the second try; doubles */
    RETRY_AFTER_MAX_S = 60,
    CONNECT_TIMEOUT_S = 15,
    STALL_TIMEOUT_S = 30,
    TEXT_MAX_BYTES = 64 << 20,
};

/* Where one transfer's bytes go: a file or a string. */
struct sink {
    const struct fetch *f;
    CURL *curl;
    FILE *file; /* NULL: text */
    struct str *text;
    size_t text_start; /* length of text before this fetch */
    long have;         /* bytes so far, with those of earlier tries */
    long offset;       /* asked for from here */
    int write_errno;   /* not 0: the disk failed */
    bool too_long;
};

static long bytes_allowed(const struct sink *s)
{
    if (!s->file)
        return TEXT_MAX_BYTES;
    return s->f->bytes >= 0 ? s->f->bytes : __LONG_MAX__;
}

/* A server that ignores Range answers 200 with the whole body: start anew. */
static void restart_if_whole(struct sink *s)
{
    long code = 0;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
    if (s->offset > 0 && code == 200) {
        s->offset = s->have = 0;
        if (fseek(s->file, 0, SEEK_SET) < 0 || ftruncate(fileno(s->file), 0) < 0)
            s->write_errno = errno;
    }
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct sink *s = context;
    size_t n = size * count;
    if (s->file)
        restart_if_whole(s);
    if (s->write_errno)
        return 0;
    if ((long)n > bytes_allowed(s) - s->have) {
        s->too_long = true;
        return 0;
    }
    if (!s->file) {
        str_add_bytes(s->text, data, n);
    } else if (fwrite(data, 1, n, s->file) != n) {
        s->write_errno = errno;
        return 0;
    }
    s->have += (long)n;
    const struct asset_flags *flags = s->f->flags;
    if (s->file && flags && flags->progress)
        flags->progress(flags->context, s->f->name, s->have, s->f->bytes);
    return n;
}

static void configure(CURL *curl, struct sink *s, const char *url, char *message)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ftbench");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    if (s->offset > 0) {
        char range[32];
        snprintf(range, sizeof range, "%ld-", s->offset);
        curl_easy_setopt(curl, CURLOPT_RANGE, range); /* curl keeps its own copy */
    }
}

/* Whether another try may help, and how long to wait first: -1 when not. */
static long retry_wait_ms(CURL *curl, CURLcode code, int tries_made)
{
    long status = 0;
    curl_off_t after = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    if (code == CURLE_HTTP_RETURNED_ERROR && status != 429 && status < 500 && status != 408)
        return -1;
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
        code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
        code == CURLE_PEER_FAILED_VERIFICATION || after > RETRY_AFTER_MAX_S)
        return -1;
    if (code == CURLE_HTTP_RETURNED_ERROR && after > 0)
        return (long)after * 1000;
    return (long)WAIT_MS << (tries_made - 1);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* Readies the sink for a try: a file goes on behind what it holds, a text starts anew. */
static int prepare(struct sink *s, bool resume, struct err *e)
{
    s->have = 0;
    if (!s->file) {
        s->text->len = s->text_start;
        if (s->text->buf)
            s->text->buf[s->text_start] = '\0';
    } else {
        bool stuck = !resume && (fflush(s->file) != 0 || ftruncate(fileno(s->file), 0) < 0);
        if (stuck || fseek(s->file, 0, SEEK_END) < 0 || (s->have = ftell(s->file)) < 0)
            return err_errno(e, "cannot write the file");
    }
    s->offset = s->have;
    return 0;
}

/* One try: 0 done, 1 failed with e filled and *wait_ms set, -1 hopeless. */
static int try_once(struct sink *s, const char *url, int tries_made, long *wait_ms, struct err *e)
{
    char message[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(e, "libcurl does not start");
    s->curl = curl;
    configure(curl, s, url, message);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    int rc = 0;
    if (s->write_errno) {
        errno = s->write_errno;
        rc = err_errno(e, "%s: cannot write what was fetched", url);
    } else if (s->too_long) {
        rc = err_set(e, "%s: the server sends more than the %ld bytes expected", url,
                     bytes_allowed(s));
    } else if (code != CURLE_OK) {
        *wait_ms = retry_wait_ms(curl, code, tries_made);
        err_set(e, "%s: %s", url, message[0] ? message : curl_easy_strerror(code));
        rc = *wait_ms < 0 ? -1 : 1;
        if (status == 416) { /* what we hold is not a beginning of it */
            rc = 1;
            *wait_ms = 0;
            if (s->file && ftruncate(fileno(s->file), 0) < 0)
                rc = err_errno(e, "cannot write the file");
        }
    } else if (s->file && s->f->bytes >= 0 && s->have < s->f->bytes) {
        *wait_ms = (long)WAIT_MS << (tries_made - 1);
        err_set(e, "%s: %ld of %ld bytes came", url, s->have, s->f->bytes);
        rc = 1;
    }
    curl_easy_cleanup(curl);
    return rc;
}

static int transfer(struct sink *s, struct err *e)
{
    struct str url = {0};
    fetch_hub_url(&url, s->f->url);
    int rc = 1;
    for (int tries = 1; tries <= TRIES && rc == 1; tries++) {
        long wait_ms = 0;
        /* A file without a known hash must not be glued from two answers. */
        if (prepare(s, s->f->resume, e) < 0) {
            rc = -1;
            break;
        }
        if (s->file && s->f->bytes >= 0 && s->have == s->f->bytes && s->have > 0) {
            rc = 0; /* all there already; its hash decides */
            break;
        }
        rc = try_once(s, str_text(&url), tries, &wait_ms, e);
        if (s->file && fflush(s->file) != 0 && rc == 0)
            rc = err_errno(e, "%s: cannot write what was fetched", str_text(&url));
        if (rc == 1 && tries < TRIES)
            sleep_ms(wait_ms);
    }
    if (rc == 1)
        rc = err_wrap(e, "given up after %d tries", (int)TRIES);
    str_release(&url);
    return rc;
}

int fetch_file(const struct fetch *f, const char *path, struct err *e)
{
    FILE *file = fopen(path, "a+b");
    if (!file)
        return err_errno(e, "cannot write %s", path);
    struct sink s = {.f = f, .file = file};
    int rc = transfer(&s, e);
    if (rc == 0 && fsync(fileno(file)) < 0)
        rc = err_errno(e, "cannot write %s", path);
    if (fclose(file) != 0 && rc == 0)
        rc = err_errno(e, "cannot write %s", path);
    return rc;
}

int fetch_text(const struct fetch *f, struct str *out, struct err *e)
{
    struct sink s = {.f = f, .text = out, .text_start = out->len};
    return transfer(&s, e);
}

const char *fetch_hub_url(struct str *out, const char *url)
{
    static const char *const hosts[] = {"https://huggingface.co",
                                        "https://datasets-server.huggingface.co", NULL};
    const char *hub = getenv("FTBENCH_HUB");
    str_clear(out);
    for (int i = 0; hub && *hub && hosts[i]; i++) {
        size_t n = strlen(hosts[i]);
        if (str_starts(url, hosts[i]) && (url[n] == '/' || url[n] == '\0')) {
            str_add(out, hub);
            str_add(out, url + n);
            return str_text(out);
        }
    }
    str_add(out, url);
    return str_text(out);
}

void fetch_escape(struct str *out, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p);
        if (!plain) {
            str_add_char(out, '%');
            str_add_char(out, digits[*p >> 4]);
            str_add_char(out, digits[*p & 15]);
        } else {
            str_add_char(out, (char)*p);
        }
    }
}
