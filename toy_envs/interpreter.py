"""A stack language of one-character instructions, and an interpreter that is safe on any text.

x y       push an input           + - *   replace the two topmost by their sum, difference, product
0 … 9     push the digit          [ ]     take n from the stack, run what is between n times
d         push the top again      s       exchange the two topmost

A program is read from left to right, and its result is the one number left at the end: "x3+y*" is
(x + 3) · y, and "3[x]++" a long way to 3 · x. The interpreter is a loop over characters with limits
on steps, stack and numbers; Python never evaluates a program.
"""

INSTRUCTIONS = "xy0123456789+-*ds[]"


def run(program, x, y, *, max_steps=100, max_stack=16, max_value=10**6):
    """Run one program on the inputs x and y.

    program    string of INSTRUCTIONS; anything else is a failure, not an exception
    x, y       int
    max_steps  instructions carried out, those in loops counted each time
    max_stack  numbers on the stack at any moment
    max_value  largest absolute value of any number
    returns    int, or None if the program failed: unknown instruction, unmatched bracket, too few
               numbers, a limit, or not exactly one number at the end
    """
    ends = _match_brackets(program)
    if ends is None:
        return None
    stack, loops, at = [], [], 0
    for _ in range(max_steps + 1):  # one more, to see that the last step was the end
        if at == len(program):
            return stack[0] if len(stack) == 1 else None
        if program[at] in "[]":
            at = _branch(program[at], at, ends, stack, loops)
        else:
            at = at + 1 if _apply(program[at], stack, x, y) else None
        if at is None or len(stack) > max_stack or (stack and abs(stack[-1]) > max_value):
            return None
    return None


def _branch(bracket, at, ends, stack, loops):
    """Where a bracket leads to; None if a loop finds no number. Open loops are [start, rounds]."""
    if bracket == "[":
        if not stack:
            return None
        rounds = stack.pop()
        if rounds <= 0:  # a loop of no rounds is jumped over
            return ends[at] + 1
        loops.append([at + 1, rounds])
        return at + 1
    # Brackets match, so a closing one always ends the innermost open loop.
    loops[-1][1] -= 1
    if loops[-1][1] > 0:
        return loops[-1][0]
    loops.pop()
    return at + 1


def _apply(instruction, stack, x, y):
    """Carry out one instruction other than a bracket on the stack; False if that is impossible."""
    if instruction in "xy":
        stack.append(x if instruction == "x" else y)
    elif instruction in "0123456789":
        stack.append(int(instruction))
    elif instruction == "d" and stack:
        stack.append(stack[-1])
    elif instruction in "s+-*" and len(stack) > 1:
        right, left = stack.pop(), stack.pop()  # the newest number is the right operand
        if instruction == "s":
            stack += [right, left]
        else:
            stack.append({"+": left + right, "-": left - right, "*": left * right}[instruction])
    else:
        return False
    return True


def _match_brackets(program):
    """{place of "[": place of its "]"}, or None if they do not match."""
    ends, opened = {}, []
    for place, instruction in enumerate(program):
        if instruction == "[":
            opened.append(place)
        elif instruction == "]":
            if not opened:
                return None
            ends[opened.pop()] = place
    return None if opened else ends
