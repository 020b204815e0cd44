#include "cloud/label_sentence.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cloud/noun_phrase.h"

enum { OBJECTS_MAX = 4, SCENES_MAX = 3, PHRASE_SIZE = LABEL_NAME_SIZE + 16 };

// A label beside objects must be surer than the objects: it has no place in the picture to look at.
#define SCENE_SCORE_MIN 0.7
// Below this the sentence says "probably".
#define SETTING_SCORE_SURE 0.9

// What goes into the sentence.
struct choice {
    const struct label *objects[OBJECTS_MAX];
    size_t object_count;
    const struct label *scenes[SCENES_MAX];
    size_t scene_count;
    const struct label *setting;  // outdoors or indoors; NULL: not known
    bool is_guess;                // its only scene is not sure
};

struct label *label_list_add(struct label_list *list, const char *name, double score) {
    struct label added = {.score = score > 1 ? 1 : score > 0 ? score : 0};
    size_t length = 0;
    for (; *name != '\0'; name++) {
        char letter = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        if ((unsigned char)letter <= ' ' || letter == 0x7f) letter = ' ';
        if (letter == ' ' && (length == 0 || added.name[length - 1] == ' ')) continue;
        if (length + 1 >= LABEL_NAME_SIZE) return NULL;
        added.name[length++] = letter;
    }
    if (length > 0 && added.name[length - 1] == ' ') added.name[--length] = '\0';
    if (length == 0) return NULL;
    for (size_t i = 0; i < list->count; i++) {
        struct label *label = &list->labels[i];
        if (strcmp(label->name, added.name) != 0) continue;
        if (added.score > label->score) label->score = added.score;
        return label;
    }
    if (list->count == LABELS_MAX) return NULL;
    list->labels[list->count] = added;
    return &list->labels[list->count++];
}

void label_add_parent(struct label *label, const char *parent) {
    if (label->parent_count < LABEL_PARENTS_MAX) label->parents[label->parent_count++] = parent;
}

static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(name, names[i]) == 0) return true;
    return false;
}
#define IS_AMONG(name, names) is_among(name, names, sizeof(names) / sizeof *(names))

// People come first in a sentence.
static bool is_person(const struct label *label) {
    static const char *const names[] = {"person", "man",  "woman", "boy",   "girl",
                                        "child",  "baby", "adult", "human", "people"};
    return IS_AMONG(label->name, names);
}

static bool is_setting(const struct label *label) {
    static const char *const names[] = {"outdoors", "outdoor", "indoors", "indoor"};
    return IS_AMONG(label->name, names);
}

// True of nearly every picture of its kind, or of none that can be seen.
static bool says_nothing(const struct label *label) {
    static const char *const names[] = {
        "animal",   "canidae",    "carnivore",     "companion dog", "event", "fawn",
        "felidae",  "font",       "gesture",       "human",         "image", "mammal",
        "organism", "photograph", "photography",   "snapshot",      "snout", "terrestrial animal",
        "thing",    "vertebrate", "working animal"};
    return IS_AMONG(label->name, names);
}

static bool is_kind_of(const struct label *label, const struct label *parent) {
    return label != parent && is_among(parent->name, label->parents, label->parent_count);
}

static bool is_object(const struct label *label) {
    return label->count > 0 && label->score >= LABEL_SCORE_MIN;
}

static bool has_object_parent(const struct label_list *list, const struct label *label) {
    for (size_t i = 0; i < list->count; i++)
        if (is_object(&list->labels[i]) && is_kind_of(label, &list->labels[i])) return true;
    return false;
}

static bool has_object_kinds(const struct label_list *list, const struct label *label) {
    for (size_t i = 0; i < list->count; i++)
        if (is_object(&list->labels[i]) && is_kind_of(&list->labels[i], label)) return true;
    return false;
}

// Of each object that is no kind of another one, and its kinds: see the head of label_sentence.h.
static void leave_out_repeated(const struct label_list *list, bool is_out[static LABELS_MAX]) {
    for (size_t i = 0; i < list->count; i++) {
        const struct label *root = &list->labels[i];
        if (!is_object(root) || has_object_parent(list, root)) continue;
        size_t sum = 0;
        for (size_t j = 0; j < list->count; j++) {
            const struct label *kind = &list->labels[j];
            if (is_object(kind) && is_kind_of(kind, root) && !has_object_kinds(list, kind))
                sum += kind->count;
        }
        bool kinds_stay = sum == root->count;
        is_out[i] = is_out[i] || kinds_stay;
        for (size_t j = 0; j < list->count; j++)
            if (is_kind_of(&list->labels[j], root) &&
                !(kinds_stay && !has_object_kinds(list, &list->labels[j])))
                is_out[j] = true;
    }
}

// The surest of those that are not out, people before all when asked; *found is set out.
static const struct label *take_first(const struct label_list *list, bool *is_out,
                                      bool people_first) {
    const struct label *first = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct label *label = &list->labels[i];
        if (is_out[i] || label->score < LABEL_SCORE_MIN) continue;
        int rank = people_first && first != NULL ? is_person(label) - is_person(first) : 0;
        if (first == NULL || rank > 0 || (rank == 0 && label->score > first->score)) first = label;
    }
    if (first != NULL) is_out[first - list->labels] = true;
    return first;
}

static void choose_objects(const struct label_list *list, struct choice *choice) {
    bool is_out[LABELS_MAX] = {false};
    leave_out_repeated(list, is_out);
    for (size_t i = 0; i < list->count; i++) is_out[i] = is_out[i] || list->labels[i].count == 0;
    while (choice->object_count < OBJECTS_MAX) {
        const struct label *object = take_first(list, is_out, true);
        if (object == NULL) break;
        choice->objects[choice->object_count++] = object;
    }
}

// Words of one or two letters ("of", "&") do not count.
static size_t word_length(const char *text) {
    size_t length = strcspn(text, " -()&");
    while (length > 3 && text[length - 1] == 's') length--;  // the plural is the same word
    return length;
}

static bool shares_word(const char *a, const char *b) {
    for (; *a != '\0'; a += strcspn(a, " -()&"), a += strspn(a, " -()&")) {
        size_t length = word_length(a);
        if (length < 3) continue;
        for (const char *c = b; *c != '\0'; c += strcspn(c, " -()&"), c += strspn(c, " -()&"))
            if (word_length(c) == length && strncmp(a, c, length) == 0) return true;
    }
    return false;
}

// Whether a label adds something to what is in the sentence so far.
static bool adds_something(const struct label_list *list, const struct choice *choice,
                           const struct label *label) {
    for (size_t i = 0; i < list->count; i++) {
        const struct label *other = &list->labels[i];
        if (other->score < LABEL_SCORE_MIN) continue;
        if (is_kind_of(other, label) || (other->count > 0 && is_kind_of(label, other)))
            return false;
    }
    for (size_t i = 0; i < choice->object_count; i++)
        if (shares_word(label->name, choice->objects[i]->name)) return false;
    for (size_t i = 0; i < choice->scene_count; i++)
        if (shares_word(label->name, choice->scenes[i]->name)) return false;
    return !says_nothing(label);
}

static void choose_scenes(const struct label_list *list, struct choice *choice) {
    bool is_out[LABELS_MAX] = {false};
    const struct label *surest = NULL;
    for (const struct label *label; (label = take_first(list, is_out, false)) != NULL;) {
        if (label->count > 0) continue;
        if (is_setting(label)) {
            if (choice->setting == NULL) choice->setting = label;
            continue;
        }
        if (surest == NULL) surest = label;
        if (choice->scene_count < SCENES_MAX && label->score >= SCENE_SCORE_MIN &&
            adds_something(list, choice, label))
            choice->scenes[choice->scene_count++] = label;
    }
    // Rather something doubtful or general than nothing.
    if (choice->object_count + choice->scene_count > 0 || surest == NULL) return;
    choice->scenes[choice->scene_count++] = surest;
    choice->is_guess = surest->score < SCENE_SCORE_MIN;
}

static void append(char *text, size_t size, const char *before, const char *piece) {
    size_t length = strlen(text);
    (void)snprintf(text + length, size - length, "%s%s", before, piece);
}

static void compose(const struct choice *choice, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < choice->object_count; i++) {
        char phrase[PHRASE_SIZE];
        noun_phrase_write(phrase, sizeof phrase, choice->objects[i]->name,
                          choice->objects[i]->count);
        append(text, size, i == 0 ? "" : i + 1 == choice->object_count ? " and " : ", ", phrase);
    }
    for (size_t i = 0; i < choice->scene_count; i++)
        append(text, size,
               i > 0                      ? ", "
               : choice->object_count > 0 ? "; "
               : choice->is_guess         ? "probably "
                                          : "",
               choice->scenes[i]->name);
    if (choice->setting == NULL) return;
    append(text, size, text[0] == '\0' ? "" : ", ",
           choice->setting->score < SETTING_SCORE_SURE ? "probably " : "");
    append(text, size, "", choice->setting->name[0] == 'o' ? "outdoors" : "indoors");
}

static size_t count_words(const char *text) {
    size_t count = *text != '\0';
    for (; *text != '\0'; text++) count += *text == ' ';
    return count;
}

static double mean_score(const struct choice *choice) {
    double sum = choice->setting == NULL ? 0 : choice->setting->score;
    size_t count = choice->object_count + choice->scene_count + (choice->setting != NULL);
    for (size_t i = 0; i < choice->object_count; i++) sum += choice->objects[i]->score;
    for (size_t i = 0; i < choice->scene_count; i++) sum += choice->scenes[i]->score;
    return sum / (double)count;
}

bool label_sentence_write(const struct label_list *list, struct cloud_answer *answer) {
    struct choice choice = {0};
    choose_objects(list, &choice);
    choose_scenes(list, &choice);
    compose(&choice, answer->caption, sizeof answer->caption);
    // What is least sure goes first; one thing stays, however many words it has.
    while (count_words(answer->caption) > LABEL_WORDS_MAX &&
           choice.object_count + choice.scene_count > 1) {
        if (choice.scene_count > 0)
            choice.scene_count--;
        else
            choice.object_count--;
        compose(&choice, answer->caption, sizeof answer->caption);
    }
    if (answer->caption[0] == '\0') return false;
    answer->confidence = mean_score(&choice);
    bool is_out[LABELS_MAX] = {false};
    answer->tags[0] = '\0';
    for (size_t i = 0; i < LABEL_TAGS_MAX; i++) {
        const struct label *tag = take_first(list, is_out, false);
        if (tag == NULL) break;
        append(answer->tags, sizeof answer->tags, i == 0 ? "" : "\n", tag->name);
    }
    return true;
}
