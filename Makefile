# The same commands as ./dev, for habit: "make test" is "./dev test". Arguments: make fuzz ARGS=60
.PHONY: run build test lint bench fuzz gen clean-room help
help run build test lint bench fuzz gen clean-room:
	@./dev $@ $(ARGS)
