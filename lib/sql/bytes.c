#include "sql/bytes.h"

/* clang-format off */
#define LT MG_BYTE_LETTER
#define DG MG_BYTE_DIGIT
#define DO MG_BYTE_DOLLAR
#define QU MG_BYTE_QUOTE
#define DQ MG_BYTE_DOUBLE_QUOTE
#define OP MG_BYTE_OPERATOR
#define DA MG_BYTE_DASH
#define SL MG_BYTE_SLASH
#define SC MG_BYTE_SEMICOLON
#define PO MG_BYTE_OPEN
#define PC MG_BYTE_CLOSE
#define BS MG_BYTE_BACKSLASH
#define XX MG_BYTE_OTHER
#define SP MG_BYTE_SPACE
#define LE MG_BYTE_LINE_END
#define LETTERS_16 LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT
const unsigned char mg_byte_classes[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, SP, LE, SP, SP, LE, XX, XX, /* \t \n \v \f \r */
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    SP, OP, DQ, OP, DO, OP, OP, QU, PO, PC, OP, OP, XX, DA, XX, SL, /*  !"#$%&'()*+,-./ */
    DG, DG, DG, DG, DG, DG, DG, DG, DG, DG, XX, SC, OP, OP, OP, OP, /* 0123456789:;<=>? */
    OP, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, /* @ABCDEFGHIJKLMNO */
    LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, XX, BS, XX, OP, LT, /* PQRSTUVWXYZ[\]^_ */
    OP, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, /* `abcdefghijklmno */
    LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, LT, XX, OP, XX, OP, XX, /* pqrstuvwxyz{|}~  */
    LETTERS_16, LETTERS_16, LETTERS_16, LETTERS_16,
    LETTERS_16, LETTERS_16, LETTERS_16, LETTERS_16,
};
/* clang-format on */
