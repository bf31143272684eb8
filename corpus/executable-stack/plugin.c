int plugin_start(int argument)
{
    return argument + 1;
}
