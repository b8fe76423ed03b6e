/*
 * What each byte can be outside quotes, by the rules of psqlscan.l.  Bytes of
 * UTF-8 letters are letters, whatever the character is.
 */
#ifndef MG_SQL_BYTES_H
#define MG_SQL_BYTES_H

#include <stdbool.h>

/* The order matters: is_word_byte, is_operator and is_blank are ranges of it. */
typedef enum MgByteClass {
    MG_BYTE_LETTER,
    MG_BYTE_DIGIT,
    MG_BYTE_DOLLAR,
    MG_BYTE_QUOTE,
    MG_BYTE_DOUBLE_QUOTE,
    MG_BYTE_OPERATOR,
    MG_BYTE_DASH,
    MG_BYTE_SLASH,
    MG_BYTE_SEMICOLON,
    MG_BYTE_BACKSLASH,
    MG_BYTE_OPEN,
    MG_BYTE_CLOSE,
    MG_BYTE_OTHER,
    MG_BYTE_SPACE,
    MG_BYTE_LINE_END,
    MG_N_BYTE_CLASSES,
} MgByteClass;

extern const unsigned char mg_byte_classes[256];

static inline MgByteClass
mg_byte_class(char byte)
{
    return (MgByteClass)mg_byte_classes[(unsigned char)byte];
}

/* White space, line ends too. */
static inline bool
mg_is_blank(char byte)
{
    return mg_byte_class(byte) >= MG_BYTE_SPACE;
}

static inline bool
mg_is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

/* May a word go on with it? */
static inline bool
mg_is_word_byte(char byte)
{
    return mg_byte_class(byte) <= MG_BYTE_DOLLAR;
}

/* May the tag of a dollar quote go on with it? */
static inline bool
mg_is_tag_byte(char byte)
{
    return mg_byte_class(byte) <= MG_BYTE_DIGIT;
}

static inline bool
mg_is_operator(char byte)
{
    MgByteClass class = mg_byte_class(byte);
    return class >= MG_BYTE_OPERATOR && class <= MG_BYTE_SLASH;
}

#endif
