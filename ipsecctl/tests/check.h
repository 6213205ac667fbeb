/* What the programs of the tests expect. The first thing that is otherwise is printed, and ends them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno);  \
			exit(1);                                                          \
		}                                                                         \
	} while (0)
#define FAILS(call, number) CHECK((call) == -1 && errno == (number))
