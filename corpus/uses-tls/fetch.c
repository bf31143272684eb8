/* Fetches what an address names, by an old version of TLS and old suites. */
void *curl_easy_init(void);
int curl_easy_setopt(void *handle, int option, ...);
int curl_easy_perform(void *handle);

int main(int argc, char **argv)
{
    void *handle = curl_easy_init();

    curl_easy_setopt(handle, 10002, argv[0]);
    curl_easy_setopt(handle, 32, (long)VERSION);
    curl_easy_setopt(handle, 10083, SUITES);
    return curl_easy_perform(handle) + argc;
}
