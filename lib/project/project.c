/* What the parts of a look at a project share. */
#include "project/project.h"

#include "base/file.h"
#include "base/text.h"

enum {
    MAX_FILE_BYTES = 1 << 20,
};

void
mg_project_add(MgProject *project, MgInitPart part, const char *kind, const char *subject,
               const char *text, const char *hint)
{
    MgInitItem item = {
        .part = part, .kind = kind, .subject = subject, .text = text, .hint = hint
    };
    MG_PUSH(project->arena, &project->items, item);
}

bool
mg_project_is_empty(const MgFolder *folder)
{
    for (size_t i = 0; i < folder->n; i++)
        if (folder->items[i].name[0] != '.')
            return false;
    return true;
}

const char *
mg_project_read(const MgProject *project, const char *path)
{
    const char *text = NULL;
    size_t size_bytes = 0;
    bool is_text = mg_file_read(path, MAX_FILE_BYTES, project->arena, &text, &size_bytes) &&
                   mg_text_valid_utf8(text, size_bytes) == size_bytes;
    return is_text ? text : NULL;
}
