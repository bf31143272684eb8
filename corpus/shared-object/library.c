int shared_object_answer(void)
{
    return 42;
}
