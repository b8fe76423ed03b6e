/*
 * GnuTLS, where libpq brings it (by libldap, as on Debian), initialises itself
 * when it is loaded: a twentieth of the time that a command takes to start.  It
 * asks the program for this function first, which its header makes by the macro
 * GNUTLS_SKIP_GLOBAL_INIT, and leaves that to the library that uses it: libldap
 * calls gnutls_global_init() before its first TLS connection.
 *
 * We do not link GnuTLS, so the name stands here; where nobody asks it does nothing.
 */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): GnuTLS named it */
int _gnutls_global_init_skip(void);

int
_gnutls_global_init_skip(void)
{
    return 1;
}
