/* Counts visits. */
#include <stdlib.h>

#define LIMIT 100
#define CLAMP(visits) ((visits) < LIMIT ? (visits) : LIMIT)

/* Visits of one page. */
typedef struct counter {
    const char *page;
    int visits;
} counter_t;

enum mode { DAY, NIGHT };

int record(counter_t *counter);

/* Makes a counter; the caller frees it. */
static counter_t *make(const char *page)
{
    counter_t *counter = malloc(sizeof(counter_t));
    counter->page = page;
    counter->visits = 0;
    return counter;
}

int record(counter_t *counter)
{
    counter->visits++;
    return CLAMP(counter->visits);
}
