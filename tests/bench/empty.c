/* The least that a program takes to start: it loads libc, and ends. */
int
main(void)
{
    return 0;
}
