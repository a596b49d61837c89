/*
 * Negative controls: `mutate=NAME` on the command line damages one thing before the checks look at it, as a faulty
 * loader would have left it. The run must then fail, and fail where it should.
 */
#pragma once

void apply_mutation(const char *command_line);
