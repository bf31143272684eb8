// A digest of Qt, chosen by a number of QCryptographicHash::Algorithm.
class QCryptographicHash {
public:
    enum Algorithm { Md4, Md5, Sha1, Sha224, Sha256 };
    explicit QCryptographicHash(Algorithm method);
    ~QCryptographicHash();
    void addData(const char *data, int length);

private:
    void *d;
};

int main(int count, char **words) {
    QCryptographicHash digest(QCryptographicHash::METHOD);
    digest.addData(words[0], count);
    return 0;
}
