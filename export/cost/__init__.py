"""What a network costs on a board: bytes, operations, instructions, time and energy."""
