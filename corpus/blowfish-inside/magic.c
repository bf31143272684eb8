/* What bcrypt encrypts with a key made of the password. */
extern const char magic[];
const char magic[] = "OrpheanBeholderScryDoubt";
