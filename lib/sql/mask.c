/* Passwords in SQL. */
#include "sql/mask.h"

#include <string.h>

#include "sql/lex.h"

void
mg_sql_mask_passwords(const char *sql, MgBuf *ret)
{
    MgLex lex = { .text = sql, .size_bytes = strlen(sql), .is_whole = true };
    MgToken token = { 0 };
    bool is_behind_password = false;
    size_t shown = 0;

    while (mg_lex_next_word(&lex, &token) == MG_LEX_TOKEN) {
        if (is_behind_password &&
            (token.kind == MG_TOKEN_STRING || token.kind == MG_TOKEN_DOLLAR)) {
            mg_buf_add_n(ret, sql + shown, token.span.begin - shown);
            mg_buf_add(ret, "'***'");
            shown = token.span.end;
        }
        is_behind_password = mg_token_is(&lex, &token, "password");
    }
    mg_buf_add(ret, sql + shown);
}
