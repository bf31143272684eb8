/* Asks a responder about a certificate. */
const void *EVP_sha1(void);
void *OCSP_cert_to_id(const void *md, const void *subject, const void *issuer);
void *OCSP_request_add0_id(void *request, void *id);

extern void *cert, *issuer, *request;
void *cert, *issuer, *request;

int main(void)
{
    return OCSP_request_add0_id(request, OCSP_cert_to_id(EVP_sha1(), cert, issuer)) == 0;
}
