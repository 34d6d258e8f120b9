# Committed batches in memory: not yet written behind, or kept for readers at the end of a log.
kronika_library(kronika_tail SOURCES tail.cc DEPS kronika_record_batch kronika_base)
