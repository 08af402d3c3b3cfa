#include "models/bert.h"
#include "models/model.h"
#include "models/t5.h"

#include <string.h>

const struct family *const families[] = {&bert_family, &t5_family, NULL};

const struct family *family_find(const char *name)
{
    for (int i = 0; families[i]; i++)
        if (strcmp(families[i]->name, name) == 0)
            return families[i];
    return NULL;
}
