int object_answer(void)
{
    return 42;
}
