"""Networks as libraries for firmware: Arduino, PlatformIO, Zephyr, ESP-IDF, CMake."""
